package admin

import (
	"errors"
	"syscall"
)

// verbs is the table of all verbs.
func verbs() map[string]verb {
	return map[string]verb{
		"quota":           typed((*Admin).quota),
		"set-quota":       typed((*Admin).setQuota),
		"list-quotas":     typed((*Admin).listQuotas),
		"signout":         typed((*Admin).signOut),
		"directory-flush": typed((*Admin).directoryFlush),
		"device-add":      typed((*Admin).deviceAdd),
		"device-list":     typed((*Admin).deviceList),
		"device-revoke":   typed((*Admin).deviceRevoke),
		"sacl-show":       typed((*Admin).saclShow),
		"sacl-change":     typed((*Admin).saclChange),
		"sacl-reset":      typed((*Admin).saclReset),
		"sacl-explain":    typed((*Admin).saclExplain),
		"acl-show":        typed((*Admin).aclShow),
		"acl-explain":     typed((*Admin).aclExplain),
		"room-list":       typed((*Admin).roomList),
		"room-show":       typed((*Admin).roomShow),
		"room-set":        typed((*Admin).roomSet),
		"room-import":     typed((*Admin).roomImport),
		"room-check":      typed((*Admin).roomCheck),
		"room-pending":    typed((*Admin).roomPending),
		"room-answer":     typed((*Admin).roomAnswer),
		"room-checkin":    typed((*Admin).roomCheckIn),
		"room-release":    typed((*Admin).roomRelease),
		"room-block":      typed((*Admin).roomBlock),
		"room-unblock":    typed((*Admin).roomUnblock),
		"room-find":       typed((*Admin).roomFind),
		"room-explain":    typed((*Admin).roomExplain),
		"room-book":       typed((*Admin).roomBook),
		"room-stats":      typed((*Admin).roomStats),
		"mail-list":       typed((*Admin).mailList),
		"mail-retry":      typed((*Admin).mailRetry),
		"mail-drop":       typed((*Admin).mailDrop),
		"mail-test":       typed((*Admin).mailTest),
		"backup-done":     typed((*Admin).backupDone),
		"backup-last":     typed((*Admin).backupLast),
		"health":          typed((*Admin).health),
		"held-list":       typed((*Admin).heldList),
		"held-release":    typed((*Admin).heldRelease),
		"held-drop":       typed((*Admin).heldDrop),
		"list-homes":      typed((*Admin).listHomes),
		"put-back":        typed((*Admin).putBack),
		"offboard-plan":   typed((*Admin).offboardPlan),
		"reload":          typed((*Admin).reload),
		"maintenance":     typed((*Admin).maintenance),
		"verify":          typed((*Admin).verify),
		"verify-meetings": typed((*Admin).verifyMeetings),
		"verify-rooms":    typed((*Admin).verifyLedgers),
		"reindex":         typed((*Admin).reindex),
		"stats":           typed((*Admin).stats),

		"directory-state":   typed((*Admin).directoryState),
		"directory-show":    typed((*Admin).directoryShow),
		"directory-search":  typed((*Admin).directorySearch),
		"directory-explain": typed((*Admin).directoryExplain),

		"delegate-list":    typed((*Admin).delegateList),
		"delegate-for":     typed((*Admin).delegatorsOf),
		"delegate-add":     typed((*Admin).delegateAdd),
		"delegate-remove":  typed((*Admin).delegateRemove),
		"delegate-standin": typed((*Admin).delegateStandIn),
		"delegate-load":    typed((*Admin).delegateLoad),
		"delegate-explain": typed((*Admin).delegateExplain),
		"delegate-check":   typed((*Admin).delegateCheck),
		"delegate-verify":  typed((*Admin).delegateVerify),
		"delegate-history": typed((*Admin).delegateHistory),
		"delegate-restore": typed((*Admin).delegateRestore),
		"delegate-cure":    typed((*Admin).delegateCure),
	}
}

// streams is the table of the verbs whose value are bytes.
func streams() map[string]stream {
	return map[string]stream{
		"backup":          streaming((*Admin).backup),
		"backup-follow":   streaming((*Admin).followBackup),
		"delegate-backup": streaming((*Admin).delegateBackup),
		"offboard":        streaming((*Admin).offboard),
		"offboard-export": streaming((*Admin).offboardExport),
	}
}

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
