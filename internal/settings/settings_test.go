package settings_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"convene/internal/settings"
)

// Level is a setting with a text form of its own.
type Level int

func (l Level) MarshalText() ([]byte, error) { return []byte(fmt.Sprintf("L%d", int(l))), nil }

func (l *Level) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "L%d", (*int)(l))
	if err != nil {
		return errors.New("want L and a number")
	}
	return nil
}

type host struct {
	Name string `toml:"name" doc:"Its name."`
	Port int    `toml:"port" doc:"Its port."`
}

type login struct {
	User     string            `toml:"user" doc:"Who."`
	Password string            `toml:"pass-word" doc:"Known to few."`
	Map      map[string]string `toml:"map" doc:"From name to attribute."`
}

type config struct {
	Listen []string      `toml:"listen" doc:"Addresses."`
	Ports  []int         `toml:"ports" doc:"Numbers."`
	Wait   time.Duration `toml:"wait" doc:"Longest wait."`
	Level  Level         `toml:"level" doc:"How much."`
	Max    uint8         `toml:"max" doc:"At most."`
	Share  float64       `toml:"share" doc:"Part of the whole."`
	On     bool          `toml:"on" doc:"Whether."`
	Login  login         `toml:"login" doc:"How to sign in."`
	Hosts  []host        `toml:"hosts" doc:"All of them."`
	Other  login         `toml:"other" doc:"How else."`
}

func defaults() config {
	return config{
		Listen: []string{":8008"}, Wait: 30 * time.Second, Level: 2,
		Login: login{User: "x", Map: map[string]string{"mail": "mail"}},
	}
}

func TestRead(t *testing.T) {
	got := defaults()
	_, err := settings.Read(&got, settings.Source{
		File: "c.toml",
		Text: []byte(`
listen = ["a:1", "b:2"]
wait = "5m"
level = "L7"
max = 200
share = 1
on = true
[login]
user = "file"
map = { "name" = "cn" }
[[hosts]]
name = "h1"
[[hosts]]
name = "h2"
port = 389
`),
		Prefix: "C_", Ignore: []string{"C_OTHER"},
		Environ: []string{"C_LOGIN_USER=env", "C_LOGIN_PASS_WORD=s3 cret", "C_OTHER=1", "HOME=/", "C_PORTS=1, 2,", "C_WAIT=1h"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := config{
		Listen: []string{"a:1", "b:2"}, Ports: []int{1, 2}, Wait: time.Hour, Level: 7, Max: 200, Share: 1, On: true,
		Login: login{User: "env", Password: "s3 cret", Map: map[string]string{"mail": "mail", "name": "cn"}},
		Hosts: []host{{"h1", 0}, {"h2", 389}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Each kind of mistake names its line, its key, and what to do.
func TestFaults(t *testing.T) {
	for _, tt := range []struct{ name, text, env, want string }{
		{"unknown", "\nlisen = []", "", `c.toml:2: lisen: there is no such setting; did you mean listen?`},
		{"unknown, nothing like it", "[login]\nzzzzzz = 1", "",
			`c.toml:2: login.zzzzzz: there is no such setting; the settings here are map, pass-word, user`},
		{"unknown table", "[logins]\nuser = 'x'", "", `c.toml:1: logins: there is no such setting; did you mean login?`},
		{"syntax", "listen = [\nwait = 3", "", `c.toml:2: unexpected character `},
		{"twice", "on = true\non = true", "", `c.toml:2: on: `},
		{"text for list", `listen = ":8008"`, "", `c.toml:1: listen: want a list; put it in brackets: ["text"]`},
		{"number for text in list", `listen = [1]`, "", `c.toml:1: listen: item 1: want text; put it in quotes: "text"`},
		{"bare duration", `wait = 30`, "", `c.toml:1: wait: want a time; put it in quotes: "30s"`},
		{"bad duration", `wait = "30"`, "", `c.toml:1: wait: "30" is not a time; write a number and its unit, such as "90s", "5m" or "1h30m"`},
		{"text form", `level = "7"`, "", `c.toml:1: level: "7" is not a level: want L and a number; such as "L2"`},
		{"range", `max = 256`, "", `c.toml:1: max: 256 is out of range; 0 to 255`},
		{"bool", `on = "yes"`, "", `c.toml:1: on: want true or false; such as true`},
		{"value for table", "login = 3", "", `c.toml:1: login: this is a table of settings, not one value; write [login] on a line of its own and the settings below it`},
		{"table for list of tables", "[hosts]\nname = 'x'", "", `c.toml:1: hosts: this is a list of tables; write [[hosts]] on a line of its own for each`},
		{"in list of tables", "[[hosts]]\nport = 'x'", "", `c.toml:2: hosts.port: want a number; such as 0`},
		{"environment, unknown", "", "C_LISTN=x", `environment: C_LISTN: no setting has this name; did you mean C_LISTEN?`},
		{"environment, wrong", "on = true", "C_ON=maybe", `environment: C_ON: "maybe" is neither true nor false`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := defaults()
			_, err := settings.Read(&c, settings.Source{File: "c.toml", Text: []byte(tt.text), Prefix: "C_", Environ: []string{tt.env}})
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("err = %v\nwant  %s", err, tt.want)
			}
			if _, ok := errors.AsType[settings.Errors](err); !ok {
				t.Errorf("err is a %T", err)
			}
		})
	}
}

// All faults are told at once, in the order of the file.
func TestAllFaults(t *testing.T) {
	c := defaults()
	_, err := settings.Read(&c, settings.Source{File: "c.toml", Text: []byte("on = 1\nmax = 'x'\nnope = 1\n")})
	faults, _ := errors.AsType[settings.Errors](err)
	if len(faults) != 3 || faults[0].Line != 1 || faults[1].Line != 2 || faults[2].Line != 3 {
		t.Errorf("faults:\n%v", err)
	}
	if one, ok := errors.AsType[*settings.Error](err); !ok || one.Key != "on" {
		t.Errorf("errors.AsType finds %v", one)
	}
}

// Places finds where a setting stands, for checks made after reading.
func TestPlaces(t *testing.T) {
	c := defaults()
	places, err := settings.Read(&c, settings.Source{
		File: "c.toml", Text: []byte("\n[login]\n\"user\" = 'x'\n"), Prefix: "C_", Environ: []string{"C_ON=true"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := places.Fault("login.user", "no such user", "").Error(); got != "c.toml:3: login.user: no such user" {
		t.Error(got)
	}
	if got := places.Fault("on", "not now", "").Error(); got != "environment: C_ON: not now" {
		t.Error(got)
	}
}

// What Write writes, Read reads; and it looks as in testdata.
func TestWrite(t *testing.T) {
	want := defaults()
	want.Login.User = `a\b"c`
	want.Hosts = []host{{"h1", 389}}
	var text bytes.Buffer
	if err := settings.Write(&text, &want); err != nil {
		t.Fatal(err)
	}
	var got config
	if _, err := settings.Read(&got, settings.Source{File: "c.toml", Text: text.Bytes()}); err != nil {
		t.Fatalf("%v\n%s", err, text.Bytes())
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	golden, err := os.ReadFile("testdata/write.toml")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(golden), text.String()); d != "" {
		t.Error(d)
	}
}
