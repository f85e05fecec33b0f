package audit

// A Sudo is a request that somebody makes in the name of another.
type Sudo struct {
	By     // has As
	Method string
	Path   string
	Write  bool // it may change something
}

// RecordSudo records a request before it is served: each that may change something,
// and of those that read at most one for each two people and hour. Error:
// ErrNotRecorded; then it must not be served.
func (a *Accesses) RecordSudo(s Sudo) error {
	if s.Write {
		return a.log.Record(s.act("sudo.write"), nil)
	}
	return a.once(reading{s.Actor.GUID, s.As.GUID, sudoReading, ""}, s.act("sudo.read"), nil)
}

// sudoReading stands for all calendars of whoever somebody acts as; it is no name of
// a collection.
const sudoReading = "/"

func (s *Sudo) act(verb string) Act {
	return Act{
		By: s.By, Verb: verb,
		Object: Object{Type: "principal", GUID: s.As.GUID, Name: s.As.Name, Path: s.Path},
		After: struct {
			Method string `json:"method"`
		}{s.Method},
	}
}
