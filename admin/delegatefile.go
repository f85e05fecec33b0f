package admin

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"convene/audit"
	"convene/delegation"
)

// DelegateState is what is known of the delegate database.
type DelegateState struct {
	delegation.State
	Served bool              `json:"served"` // stored delegations count
	Cure   string            `json:"cure,omitempty"`
	Copies []delegation.Copy `json:"copies"` // the newest first
}

// VerifyDelegates reads the whole delegate database and its journal. What is wrong is
// in the state and no error.
func VerifyDelegates(ctx context.Context, c Conn) (DelegateState, error) {
	return call[DelegateState](ctx, c, "delegate-verify", None{})
}

// DelegateHistoryRequest asks for the journal, of a principal if Who is not empty.
type DelegateHistoryRequest struct {
	Who   string    `json:"who,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

// A DelegateEvent is an entry of the journal, with the line that delegates.log has.
type DelegateEvent struct {
	delegation.Event
	ActorName     string `json:"actorName,omitempty"`
	DelegatorName string `json:"delegatorName,omitempty"`
	DelegateName  string `json:"delegateName,omitempty"`
	Line          string `json:"line"`
}

// DelegateHistory returns the journal, after it was proven. Errors: those of the
// directory, delegation.ErrRefused.
func DelegateHistory(ctx context.Context, c Conn, r DelegateHistoryRequest) ([]DelegateEvent, error) {
	return call[[]DelegateEvent](ctx, c, "delegate-history", r)
}

// BackUpDelegates writes a verified copy of the delegate database to out. Errors: as
// delegation.Book.Backup.
func BackUpDelegates(ctx context.Context, c Conn, out io.Writer) error {
	return c.Stream(ctx, "delegate-backup", None{}, out)
}

// DelegateRestore is a copy of the delegate database.
type DelegateRestore struct {
	Copy   []byte `json:"copy"`
	Sum    []byte `json:"sum,omitempty"` // what stands in the file beside it, as sha256sum writes it
	Who    string `json:"who,omitempty"` // restore what is of them alone
	DryRun bool   `json:"dryRun,omitempty"`

	By     string `json:"by"` // who they say they are
	Reason string `json:"reason,omitempty"`
}

// RestoreDelegates puts a copy in the place of the delegate database, or says what
// would be another then. Errors: delegation.ErrCopy, and those of the directory.
func RestoreDelegates(ctx context.Context, c Conn, r DelegateRestore) ([]delegation.Difference, error) {
	return call[[]delegation.Difference](ctx, c, "delegate-restore", r)
}

// The cures of CureDelegates.
const (
	CureAcceptRollback = "accept-rollback"
	CureAdopt          = "adopt"
	CureReset          = "reset"
)

// DelegateCure is what to do about a delegate database that is refused.
type DelegateCure struct {
	Cure   string `json:"cure"`
	By     string `json:"by"` // who they say they are
	Reason string `json:"reason,omitempty"`
}

// CureDelegates goes on with a delegate database that is refused. Errors:
// delegation.ErrState.
func CureDelegates(ctx context.Context, c Conn, r DelegateCure) (DelegateState, error) {
	return call[DelegateState](ctx, c, "delegate-cure", r)
}

func (a *Admin) delegateState(s delegation.State) (DelegateState, error) {
	copies, err := a.Delegates.Copies()
	return DelegateState{State: s, Served: s.Served(), Cure: s.Cure(), Copies: append([]delegation.Copy{}, copies...)}, err
}

func (a *Admin) delegateVerify(ctx context.Context, _ None) (DelegateState, error) {
	state := a.Delegates.State()
	err := a.Delegates.Verify(ctx)
	if wrong, ok := errors.AsType[*delegation.StateError](err); ok {
		found := wrong.State
		state.Condition, state.Detail = found.Condition, found.Detail
	} else if err != nil {
		return DelegateState{}, err
	}
	return a.delegateState(state)
}

func (a *Admin) delegateHistory(ctx context.Context, r DelegateHistoryRequest) ([]DelegateEvent, error) {
	guid := ""
	if r.Who != "" {
		p, err := a.find(ctx, r.Who)
		if err != nil {
			return nil, err
		}
		guid = p.GUID
	}
	list, err := a.Delegates.History(ctx, guid, r.Since)
	if err != nil {
		return nil, err
	}
	names, out := a.names(ctx), []DelegateEvent{}
	for _, ev := range list {
		e := DelegateEvent{Event: ev, ActorName: names.of(ev.Actor), Line: ev.Line()}
		for _, rec := range []*delegation.Record{ev.After, ev.Before} {
			if rec != nil {
				e.DelegatorName, e.DelegateName = names.of(rec.Delegator), names.of(rec.Delegate)
				break
			}
		}
		out = append(out, e)
	}
	return out, nil
}

func (a *Admin) delegateBackup(ctx context.Context, _ None, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "convene-delegates-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "delegates.db")
	if err := a.Delegates.Backup(ctx, path); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, f)
	return errors.Join(err, f.Close())
}

func (a *Admin) delegateRestore(ctx context.Context, r DelegateRestore) (list []delegation.Difference, err error) {
	guid := ""
	if r.Who != "" {
		p, err := a.find(ctx, r.Who)
		if err != nil {
			return nil, err
		}
		guid = p.GUID
	}
	dir, err := os.MkdirTemp("", "convene-delegates-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "copy.db")
	if err := os.WriteFile(path, r.Copy, 0o600); err != nil {
		return nil, err
	}
	if len(r.Sum) > 0 {
		if err := os.WriteFile(path+".sha256", r.Sum, 0o600); err != nil {
			return nil, err
		}
	}
	if r.DryRun {
		list, err = a.Delegates.Diff(ctx, path, guid)
		return append([]delegation.Difference{}, list...), err
	}
	author, err := a.delegateAuthor(ctx, r.By)
	if err != nil {
		return nil, err
	}
	object := audit.Object{Type: "delegates", GUID: guid}
	act := audit.Act{By: a.Operator.By(r.By, r.Reason), Verb: "delegate.restore", Object: object, Before: a.Delegates.State()}
	err = a.Audit.Do(ctx, act, func() (any, error) {
		var err error
		if guid != "" {
			list, err = a.Delegates.RestorePrincipal(ctx, author, path, guid)
		} else {
			list, err = a.Delegates.Restore(ctx, author, path)
		}
		return a.Delegates.State(), err
	})
	return append([]delegation.Difference{}, list...), err
}

func (a *Admin) delegateCure(ctx context.Context, r DelegateCure) (DelegateState, error) {
	cure := map[string]func(context.Context, delegation.Author) error{
		CureAcceptRollback: a.Delegates.AcceptRollback, CureAdopt: a.Delegates.Adopt, CureReset: a.Delegates.Reset,
	}[r.Cure]
	if cure == nil {
		return DelegateState{}, ErrRequest
	}
	author, err := a.delegateAuthor(ctx, r.By)
	if err != nil {
		return DelegateState{}, err
	}
	act := audit.Act{By: a.Operator.By(r.By, r.Reason), Verb: "delegate." + r.Cure, Object: audit.Object{Type: "delegates"}, Before: a.Delegates.State()}
	err = a.Audit.Do(ctx, act, func() (any, error) {
		err := cure(ctx, author)
		return a.Delegates.State(), err
	})
	if err != nil {
		return DelegateState{}, err
	}
	return a.delegateState(a.Delegates.State())
}
