package my

import (
	"strings"

	"convene/web/page"
)

// What a User-Agent begins to say that tells browsers and systems apart, the more
// particular first: most of them name others too.
var (
	browsers = [][2]string{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Chromium/", "Chromium"}, {"Safari/", "Safari"}, {"curl/", "curl"},
	}
	systems = [][2]string{
		{"Windows", "Windows"}, {"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	}
)

// browser says in a few words which browser a User-Agent is of.
func browser(r *page.Request, agent string) string {
	b, s := first(browsers, agent), first(systems, agent)
	switch {
	case b == "":
		return r.Locale.T("my.unknown-browser")
	case s == "":
		return b
	}
	return r.Locale.T("my.browser-on", "browser", b, "system", s)
}

func first(list [][2]string, agent string) string {
	for _, one := range list {
		if strings.Contains(agent, one[0]) {
			return one[1]
		}
	}
	return ""
}
