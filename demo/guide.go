package demo

import (
	"io"
	"text/template"
	"time"
)

// A guide is what the demonstration prints when it is up.
type guide struct {
	Options
	HTTP, HTTPS string // without a final slash
	Events      int
	Took        time.Duration
}

// Tomorrow is the day after the guide is written.
func (g guide) Tomorrow() string { return g.Now().AddDate(0, 0, 1).Format(time.DateOnly) }

const guideText = `
convene is up, {{.Took.Milliseconds}} ms after it was started{{with .Events}}, with {{.}} sample events{{end}}.

  {{.HTTP}}/my/   in a browser: sign in as ann, or as hana for the administration

  {{.HTTPS}}/   for programs, with a self-signed certificate
  {{.HTTP}}/   without TLS
  Data: {{.Data}}. Ctrl-C ends it.

Everybody's password is "demo". Some of the forty people of the company:

  maria    chief executive         tom      her assistant
  ann      leads the platform team ben chen dana elif finn: her team
  grace    leads the apps team     mei      leads design
  hana     administrator: may do everything with all calendars, and use the pages of /admin/
  uma      in New York             fatima   owns the rooms, and answers for ember
  ivan     contractor: his directory record is not enabled for calendars

Rooms:     aurora borealis cirrus delta (North building), ember flint granite harbor (South)
Equipment: projector1 car1 car2 poolcars camera1

Look at ann's calendar home:

  curl -u ann:demo -X PROPFIND -H 'Depth: 1' {{.HTTP}}/calendars/users/ann/

and at her calendar as one file:

  curl -u ann:demo {{.HTTP}}/calendars/users/ann/calendar/

Tom is Maria's assistant: he sees her calendars, and may change them.

  curl -u tom:demo -X PROPFIND -H 'Depth: 1' {{.HTTP}}/calendars/users/maria/

Invite borealis@rooms.example.com: the room answers at once, and if it is taken it says what is free.
Ember is asked for, harbor has two seats, poolcars are three cars. Which rooms are free tomorrow?

  convene room free -c {{.Data}}/convene.toml --as ann --from {{.Tomorrow}}T10:00 --duration 60 --heads 6

Add it to a calendar program:

  Apple Calendar  Settings, Accounts, +, Other CalDAV Account, Advanced. User name ann,
                  password demo, server address localhost, server path /, port {{port .HTTPS}}, SSL.
  Thunderbird     New Calendar, On the Network. Username ann, location {{.HTTPS}}/
  DAVx5           On a phone connected by USB: adb reverse tcp:{{port .HTTP}} tcp:{{port .HTTP}}
                  Login with URL and user name: {{.HTTP}}/, ann, demo.
  Evolution       New, Calendar, type CalDAV. URL {{.HTTPS}}/, user ann, Find Calendars.

`

func (g guide) write(w io.Writer) error {
	t, err := template.New("guide").Funcs(template.FuncMap{"port": port}).Parse(guideText)
	if err != nil {
		return err
	}
	return t.Execute(w, g)
}

// port is what follows the last colon of a URL without a path.
func port(url string) string {
	for i := len(url) - 1; i >= 0; i-- {
		if url[i] == ':' {
			return url[i+1:]
		}
	}
	return ""
}
