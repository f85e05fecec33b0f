package delegates

import (
	"cmp"
	"slices"
	"strings"

	"convene/admin"
	"convene/web/page"
)

// sortEntries sorts lines, the newest first.
func sortEntries(list []entry) {
	slices.SortStableFunc(list, func(a, b entry) int { return cmp.Or(b.At.Compare(a.At), strings.Compare(a.Text, b.Text)) })
}

// standInText says what an event did to a stand-in.
func standInText(r *page.Request, names *page.Names, e *admin.DelegateEvent) string {
	x, key := e.StandInAfter, "delegates.j-standin"
	if x == nil {
		x, key = e.StandInBefore, "delegates.j-standin-ended"
	}
	return r.Locale.T(key, "actor", actorName(r, names, e), "name", names.Of(x.StandIn), "delegate", names.Of(x.Delegate), "when", end(r, x.Until))
}
