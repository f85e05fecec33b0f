package caldav

// DelegateView says what clients are shown of delegates.
type DelegateView struct {
	WhoSeesFor string `toml:"who-sees-for" doc:"Who may see for whom somebody is a delegate (calendar-proxy-read-for, calendar-proxy-write-for, and the groups of delegates in group-membership): \"all\" who have signed in, as with Apple's server, or \"self-and-admin\"."`
	Surface    string `toml:"surface" doc:"How clients that know nothing of delegates find the calendars of those for whom somebody is one: \"none\", or \"homes\": calendar-home-set names their homes as well."`
}

// The values of DelegateView.
const (
	ForAll          = "all"
	ForSelfAndAdmin = "self-and-admin"

	SurfaceNone  = "none"
	SurfaceHomes = "homes"
)

// DefaultDelegateView is what is shown where nothing else was said.
func DefaultDelegateView() DelegateView {
	return DelegateView{WhoSeesFor: ForAll, Surface: SurfaceNone}
}
