package imip

import (
	"fmt"

	"convene/scheduling"
)

// Copied says in whose place somebody is told of an invitation: that of a delegator who has
// got it. Answers are given in the delegator's calendar, and not by mail.
type Copied struct {
	GUID string `json:"guid"`
	Name string `json:"name"`
}

// NewCopied makes the letter that tells a delegate of a message to a delegator. language is
// that of the delegate, "" if nobody knows. Errors: ErrNoMailbox.
func NewCopied(m *scheduling.Message, delegator *scheduling.Party, to Mailbox, language string) (*Letter, error) {
	l, err := NewLetter(m, &scheduling.Party{Address: "mailto:" + to.Address, Language: language})
	if err != nil {
		return nil, err
	}
	l.To, l.Owner = to, delegator.GUID
	l.Copied = &Copied{GUID: delegator.GUID, Name: delegator.CN}
	return l, nil
}

// copied makes a notice one of what somebody else has got.
func (n *notice) copied(c *Copied, sender string) {
	whose := oneLine(c.Name, 200)
	n.headline = fmt.Sprintf(n.words.acting["for"], whose) + ": " + n.subject()
	if n.kind == kindNew {
		n.Intro = fmt.Sprintf(n.words.invites, sender, whose, n.title)
	}
}
