package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"convene/audit"
)

// A Letter is mail that waits to be sent. What it says is not for operators.
type Letter struct {
	ID     string    `json:"id"`
	Method string    `json:"method"` // REQUEST, CANCEL or REPLY; NOTICE: it is about delegates
	From   string    `json:"from"`
	To     string    `json:"to"`
	UID    string    `json:"uid"` // of the meeting, or what stands for it
	Queued time.Time `json:"queued"`
	Due    time.Time `json:"due"`   // when it is tried next
	Tries  int       `json:"tries"` // so far
	Note   string    `json:"note"`  // what the last try met
}

// MailQueue is the mail that waits.
type MailQueue interface {
	// Letters lists all, those that are due first.
	Letters(ctx context.Context) ([]Letter, error)

	// Retry makes a letter due now, Drop removes one. Errors: ErrNoLetter.
	Retry(ctx context.Context, id string) error
	Drop(ctx context.Context, id string) error

	// Test sends a mail to an address at once.
	Test(ctx context.Context, address string) error
}

// ErrNoLetter says that no letter that waits has that number.
var ErrNoLetter = errors.New("no such letter waits")

// NoLetter is ErrNoLetter for a number.
func NoLetter(id string) error { return fmt.Errorf("%.40s: %w", id, ErrNoLetter) }

// ErrMail says that a test mail could not be sent.
var ErrMail = errors.New("mail not sent")

// MailList is the mail that waits.
type MailList struct {
	Letters []Letter   `json:"letters"`
	Oldest  *time.Time `json:"oldest"` // since when the oldest waits; nil: none does
}

// A MailRequest names letters: by number, or all.
type MailRequest struct {
	IDs     []string `json:"ids,omitempty"`
	All     bool     `json:"all,omitempty"`
	Address string   `json:"address,omitempty"` // for TestMail
	By      string   `json:"by"`
	Reason  string   `json:"reason,omitempty"`
}

// A MailChange says which letters a verb was about.
type MailChange struct {
	IDs []string `json:"ids"`
}

// ListMail lists the mail that waits to be sent.
func ListMail(ctx context.Context, c Conn) (MailList, error) {
	return call[MailList](ctx, c, "mail-list", None{})
}

// RetryMail has mail tried now. Errors: ErrNoLetter.
func RetryMail(ctx context.Context, c Conn, r MailRequest) (MailChange, error) {
	return call[MailChange](ctx, c, "mail-retry", r)
}

// DropMail removes mail that waits: it is not sent, and nobody is told. Errors:
// ErrNoLetter.
func DropMail(ctx context.Context, c Conn, r MailRequest) (MailChange, error) {
	return call[MailChange](ctx, c, "mail-drop", r)
}

// TestMail sends a mail to an address. Errors: ErrMail, with what the server said.
func TestMail(ctx context.Context, c Conn, r MailRequest) error {
	_, err := call[None](ctx, c, "mail-test", r)
	return err
}

func (a *Admin) mailList(ctx context.Context, _ None) (list MailList, err error) {
	if list.Letters, err = a.Mail.Letters(ctx); err != nil {
		return MailList{}, err
	}
	for _, l := range list.Letters {
		if list.Oldest == nil || l.Queued.Before(*list.Oldest) {
			list.Oldest = &l.Queued
		}
	}
	return list, nil
}

func (a *Admin) mailRetry(ctx context.Context, r MailRequest) (MailChange, error) {
	return a.changeMail(ctx, "mail.retry", r, a.Mail.Retry)
}

func (a *Admin) mailDrop(ctx context.Context, r MailRequest) (MailChange, error) {
	return a.changeMail(ctx, "mail.drop", r, a.Mail.Drop)
}

// changeMail does something with letters, one after the other. With all, what was sent
// meanwhile is left out.
func (a *Admin) changeMail(ctx context.Context, verb string, r MailRequest, do func(context.Context, string) error) (done MailChange, err error) {
	ids := r.IDs
	if r.All {
		list, err := a.Mail.Letters(ctx)
		if err != nil {
			return done, err
		}
		ids = nil
		for _, l := range list {
			ids = append(ids, l.ID)
		}
	}
	done.IDs = []string{}
	for _, id := range ids {
		act := audit.Act{By: a.Operator.By(r.By, r.Reason), Verb: verb, Object: audit.Object{Type: "mail", Name: id}}
		err := a.Audit.Do(ctx, act, func() (any, error) { return nil, do(ctx, id) })
		switch {
		case err == nil:
			done.IDs = append(done.IDs, id)
		case !r.All || !errors.Is(err, ErrNoLetter):
			return done, err
		}
	}
	return done, nil
}

func (a *Admin) mailTest(ctx context.Context, r MailRequest) (None, error) {
	act := audit.Act{By: a.Operator.By(r.By, r.Reason), Verb: "mail.test", Object: audit.Object{Type: "mail", Name: r.Address}}
	err := a.Audit.Do(ctx, act, func() (any, error) {
		if err := a.Mail.Test(ctx, r.Address); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMail, err)
		}
		return nil, nil
	})
	return None{}, err
}
