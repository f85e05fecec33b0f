package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"time"

	"convene/admin"
	"convene/calendar"
	"convene/config"
	"convene/directory"
	"convene/imip"
	"convene/imip/outbox"
	"convene/snapshot"
	"convene/store"
)

// calendarsOf is the calendar data of a configuration. pace may be nil.
func calendarsOf(c *config.Config, s *store.Store, snapshots *snapshot.Cache, pace *calendar.Pace, dir directory.Directory) *calendar.Calendars {
	all := &calendar.Calendars{Store: s, Snapshots: snapshots, Rules: c.Calendars.Rules(), Groups: dir.Groups, Scheduling: c.Scheduling.Options(),
		MessagesPerHour: c.Scheduling.PerHour, Pace: pace}
	if c.Mail.Enabled() {
		all.Mail = &calendar.Mail{Delay: c.Mail.Delay, PerDay: c.Mail.PerDay}
		if public := strings.TrimSuffix(c.Server.PublicURL, "/"); public != "" {
			all.Mail.Approve = public + "/my/rooms/requests/"
		}
	}
	return all
}

// mailSettings are how mail is sent under a configuration; nil: it is not.
func mailSettings(c *config.Config, calendars *calendar.Calendars) (*outbox.Settings, error) {
	m := &c.Mail
	if !m.Enabled() {
		return nil, nil
	}
	authorities, err := m.Authorities()
	if err != nil {
		return nil, err
	}
	return &outbox.Settings{
		Calendars: calendars,
		Compose: imip.Options{
			Site:       imip.Mailbox{Name: m.Name, Address: m.From},
			OwnDomains: c.MailDomains(), Language: m.Language, Languages: m.Languages,
		},
		Submission: outbox.Submission{
			Address: m.Server, Security: m.Security, User: m.User, PasswordFile: m.Password,
			Name: c.HostName(), TLS: &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}, Timeout: m.Timeout,
		},
		Connections: m.Connections, PerMinute: m.PerMinute, GiveUp: m.GiveUp,
	}, nil
}

// openOutbox is the outbox of the server, which follows its configuration.
func (s *Server) openOutbox() *outbox.Outbox {
	return outbox.New(outbox.Options{
		Settings: func() *outbox.Settings {
			if s.maintenance.gate(context.Background()) != nil {
				return nil // letters wait; what came of those on their way is noted, see admitted
			}
			return s.current.Load().mail
		}, Log: s.log, Now: s.now, Trouble: s.health.mail,
	})
}

// A mailQueue is the outbox for the operator's verbs.
type mailQueue struct {
	outbox    *outbox.Outbox
	calendars *calendar.Calendars
	now       func() time.Time
}

// offlineMail is the mail queue of a server that does not run.
func offlineMail(c *config.Config, s *store.Store, dir directory.Directory) (*mailQueue, error) {
	calendars := calendarsOf(c, s, nil, nil, dir)
	settings, err := mailSettings(c, calendars)
	if err != nil {
		return nil, err
	}
	o := outbox.New(outbox.Options{Settings: func() *outbox.Settings { return settings }, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	return &mailQueue{o, calendars, time.Now}, nil
}

// Letters implements admin.MailQueue.
func (q *mailQueue) Letters(ctx context.Context) ([]admin.Letter, error) {
	list := []admin.Letter{}
	err := q.calendars.Store.View(ctx, func(tx *store.Tx) error {
		list = list[:0]
		for row, err := range tx.Queue() {
			if err != nil {
				return err
			}
			list = append(list, letterOf(row))
		}
		return nil
	})
	return list, err
}

// letterOf is what operators see of a row. What the meeting is about is not theirs to
// know.
func letterOf(row *store.Queued) admin.Letter {
	out := admin.Letter{ID: row.ID.String(), Queued: row.Queued, Due: row.Due, Tries: row.Tries, Note: row.Note}
	l, err := imip.Decode(row.Payload)
	if err != nil {
		out.Note = cmp.Or(out.Note, err.Error())
		return out
	}
	out.Method, out.From, out.To, out.UID = cmp.Or(string(l.Method), "NOTICE"), l.From.Address, l.To.Address, l.UID
	return out
}

// Retry implements admin.MailQueue.
func (q *mailQueue) Retry(ctx context.Context, id string) error {
	row, err := q.row(ctx, id)
	if err != nil {
		return err
	}
	return q.calendars.RetryMail(ctx, row, q.now(), row.Note)
}

// Drop implements admin.MailQueue.
func (q *mailQueue) Drop(ctx context.Context, id string) error {
	row, err := q.row(ctx, id)
	if err != nil {
		return err
	}
	return q.calendars.DropMail(ctx, row)
}

// row finds a row by its number.
func (q *mailQueue) row(ctx context.Context, number string) (found *store.Queued, err error) {
	id, err := store.ParseQueueID(number)
	if err != nil {
		return nil, admin.NoLetter(number)
	}
	err = q.calendars.Store.View(ctx, func(tx *store.Tx) error {
		found, err = tx.QueuedRow(id)
		if errors.Is(err, store.ErrNotFound) {
			return admin.NoLetter(number)
		}
		return err
	})
	return found, err
}

// Test implements admin.MailQueue.
func (q *mailQueue) Test(ctx context.Context, address string) error {
	return q.outbox.Test(ctx, address)
}
