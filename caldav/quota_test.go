package caldav_test

import (
	"context"

	"convene/store"
)

// setQuota gives a user's home a limit, after making sure that there is one.
func setQuota(e *env, user string, bytes int64) error {
	e.t.Helper()
	e.must(207, user, "PROPFIND", "/calendars/users/"+user+"/", "", "Depth: 0")
	return e.store.Update(context.Background(), func(tx *store.Tx) error {
		home, err := tx.Home(guid(user))
		if err != nil {
			return err
		}
		return tx.SetQuota(home.ID, bytes)
	})
}
