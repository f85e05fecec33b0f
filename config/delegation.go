package config

import (
	"time"

	"convene/caldav"
)

// Delegation says how those are treated who act for others.
type Delegation struct {
	caldav.DelegateView
	KeepEnded time.Duration `toml:"keep-ended" doc:"How long a delegation that has ended stays listed for administrators. The journal keeps it for ever."`
	Tell      bool          `toml:"tell-delegator" doc:"Tell people by mail when somebody else has changed who acts for them, or an end is reached, and those who look after a location or resource of its delegates. Delegates who are to be told (convene delegate add --notify mail) are, whatever this says. It needs mail.server."`
	OnDamage  string        `toml:"on-damage" doc:"What becomes of stored delegations while their file is lost, damaged or not the one that was left: \"refuse\", which is all there is. A request that needs one of them is answered 503 until an administrator has done something about the file; everything else works."`
}

// onDamageRefuse is the value of Delegation.OnDamage.
const onDamageRefuse = "refuse"

// delegation finds settings that make no sense.
func (k *checker) delegation(d *Delegation) {
	k.oneOf("delegation.who-sees-for", d.WhoSeesFor, caldav.ForAll, caldav.ForSelfAndAdmin)
	k.oneOf("delegation.surface", d.Surface, caldav.SurfaceNone, caldav.SurfaceHomes)
	k.oneOf("delegation.on-damage", d.OnDamage, onDamageRefuse)
	k.above(map[string]time.Duration{"delegation.keep-ended": d.KeepEnded})
}
