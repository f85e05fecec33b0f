package rooms

import (
	"encoding/json"
	"fmt"
)

// An Approval is a booking that waits for somebody to approve it, or did. Times are in
// Unix seconds.
type Approval struct {
	UID    string `json:"uid"`    // of the meeting
	Booker string `json:"booker"` // GUID of the organizer; "": somebody outside the directory
	Actor  string `json:"actor"`  // GUID of who made the booking: they, or an assistant

	// Start and End are those of the first date that waits, Dates is how many do.
	Start int64 `json:"start"`
	End   int64 `json:"end"`
	Dates int   `json:"dates"`

	Held    bool     `json:"held"`              // the time is taken meanwhile
	Against []string `json:"against,omitempty"` // the rules that it breaks, as policy.Code

	Created  int64 `json:"created"`
	Remind   int64 `json:"remind"` // when the approvers are reminded; 0: never
	Reminded int64 `json:"reminded,omitempty"`
	Expires  int64 `json:"expires"`

	State   ApprovalState `json:"state"`
	By      string        `json:"by,omitempty"`   // GUID of who answered; "": an operator, or nobody
	Name    string        `json:"name,omitempty"` // how they are called
	At      int64         `json:"at,omitempty"`   // when that was
	Comment string        `json:"comment,omitempty"`
}

// An ApprovalState is what became of a request.
type ApprovalState string

// The states.
const (
	Open      ApprovalState = "open"
	Approved  ApprovalState = "approved"
	Denied    ApprovalState = "denied"
	Expired   ApprovalState = "expired"   // nobody answered it in time
	Replaced  ApprovalState = "replaced"  // the organizer has changed the meeting, and asks anew
	Withdrawn ApprovalState = "withdrawn" // the organizer does not want the room any more
)

// Next returns when something has to be done about an open request: the approvers are
// to be reminded, or it expires.
func (a *Approval) Next() int64 {
	if a.Remind != 0 && a.Reminded == 0 && a.Remind < a.Expires {
		return a.Remind
	}
	return a.Expires
}

// Encode returns the record as it is kept.
func (a *Approval) Encode() ([]byte, error) { return json.Marshal(a) }

// DecodeApproval is the reverse of Encode.
func DecodeApproval(b []byte) (*Approval, error) {
	a := new(Approval)
	if err := json.Unmarshal(b, a); err != nil {
		return nil, fmt.Errorf("approval: %w", err)
	}
	return a, nil
}
