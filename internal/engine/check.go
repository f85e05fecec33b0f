package engine

import "context"

// Check implements Checker: every page is used once or free, keys are in order.
//
// It holds the file's one write transaction, since bbolt's check reads the list
// of free pages that writers change. Updates go on as long as the log has space
// for them, and views in any case. Before bbolt follows the pages, of which a wrong
// one could end the process, it is seen that they can be followed.
func (e *boltEngine) Check(ctx context.Context) (errs []error) {
	tx, err := e.db.Begin(!e.opt.ReadOnly)
	if err != nil {
		return []error{boltError(err)}
	}
	defer rollback(tx)
	if err := checkPages(ctx, e.file); err != nil {
		return []error{err}
	}
	if err := checkRoot(tx); err != nil {
		errs = append(errs, err)
	}
	for err := range tx.Check() { // to its end, or its goroutine would stay
		if ctx.Err() == nil && len(errs) < maxCheckErrors {
			errs = append(errs, err)
		}
	}
	return errs
}

// maxCheckErrors is how many findings Check keeps.
const maxCheckErrors = 100
