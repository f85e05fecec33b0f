package config

import "time"

// Leavers says what becomes of people whom the directory does not have any more.
type Leavers struct {
	Keep time.Duration `toml:"keep" doc:"How long everything is kept of people who are not in the directory any more, since that was first seen. Then their meetings to come are cancelled and what they have stored is erased, as by \"convene offboard --erase\". Who comes back before that finds everything as it was. 0: for ever; \"convene offboard\" does it when an administrator says so."`
}
