package directory

import "unsafe"

// What a string and what a value in a map take besides their text, about.
const (
	textBytes = int(unsafe.Sizeof("")) + 8
	pairBytes = 64
)

// textsWeight is about how many bytes a list of texts takes.
func textsWeight(list []string) int {
	n := textBytes * len(list)
	for _, s := range list {
		n += len(s)
	}
	return n
}

// principalsWeight is about how many bytes records take that nothing else holds.
func principalsWeight(list []*Principal) int {
	n := 8 * len(list)
	for _, p := range list {
		n += p.weight()
	}
	return n
}

func (p *Principal) weight() int {
	n := int(unsafe.Sizeof(*p)) + textsWeight([]string{p.GUID, p.Name, p.FullName, p.GivenName, p.Surname, p.DN, p.SID,
		p.Language, p.Building, p.Floor, p.Room, p.Address, p.Geo})
	for _, list := range [][]string{p.Aliases, p.Emails, p.Kerberos, p.Realms, p.Features, p.Owners, p.WriteDelegates, p.ReadDelegates} {
		n += textsWeight(list)
	}
	for _, v := range p.RoomSettings {
		n += pairBytes + len(v)
	}
	for _, list := range p.Attributes {
		n += pairBytes + textsWeight(list)
	}
	return n
}
