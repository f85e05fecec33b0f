package discover

import (
	"strconv"
	"time"

	"convene/auth"
	"convene/directory"
	"convene/directory/ldif"
)

// A LockPolicy is when the directory locks accounts after wrong passwords.
type LockPolicy struct {
	Threshold int           // wrong passwords; 0: it never does
	Window    time.Duration // within which they count; 0: not known
	For       time.Duration // how long; 0: until somebody unlocks
}

// LockPolicyOf reads the policy, where the account may; nil: it cannot be read. Active
// Directory shows it to every account.
func LockPolicyOf(p *directory.Probe, preset, base string) (*LockPolicy, error) {
	switch preset {
	case "ad":
		e, err := entry(p, base, ldif.Base, "(objectClass=*)", "lockoutThreshold", "lockoutDuration", "lockOutObservationWindow")
		if e == nil || e.Value("lockoutThreshold") == "" {
			return nil, err
		}
		return &LockPolicy{number(e, "lockoutThreshold"), interval(e, "lockOutObservationWindow"), interval(e, "lockoutDuration")}, nil
	case "389ds", "freeipa":
		e, err := entry(p, "cn=config", ldif.Base, "(objectClass=*)", "passwordLockout", "passwordMaxFailure", "passwordResetFailureCount", "passwordLockoutDuration")
		if e == nil || e.Value("passwordLockout") == "" {
			return nil, err
		}
		if e.Value("passwordLockout") != "on" {
			return &LockPolicy{}, nil
		}
		return &LockPolicy{number(e, "passwordMaxFailure"), seconds(e, "passwordResetFailureCount"), seconds(e, "passwordLockoutDuration")}, nil
	}
	e, err := entry(p, base, ldif.Sub, "(objectClass=pwdPolicy)", "pwdLockout", "pwdMaxFailure", "pwdFailureCountInterval", "pwdLockoutDuration")
	if e == nil {
		return nil, err
	}
	if e.Value("pwdLockout") != "TRUE" {
		return &LockPolicy{}, nil
	}
	return &LockPolicy{number(e, "pwdMaxFailure"), seconds(e, "pwdFailureCountInterval"), seconds(e, "pwdLockoutDuration")}, nil
}

// entry reads one; nil if there is none that may be read.
func entry(p *directory.Probe, base string, scope ldif.Scope, filter string, attrs ...string) (*ldif.Entry, error) {
	list, _, err := p.Search(base, scope, filter, attrs, 1)
	if _, _, ok := directory.ResultCode(err); ok {
		return nil, nil
	}
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

func number(e *ldif.Entry, attr string) int {
	n, err := strconv.Atoi(e.Value(attr))
	if err != nil {
		return 0
	}
	return n
}

func seconds(e *ldif.Entry, attr string) time.Duration {
	return time.Duration(number(e, attr)) * time.Second
}

// interval reads a negative count of 100 ns ([MS-ADTS] §2.2): the lowest one is for ever.
func interval(e *ldif.Entry, attr string) time.Duration {
	n, err := strconv.ParseInt(e.Value(attr), 10, 64)
	if err != nil || n >= 0 || n < -(1<<62)/100 {
		return 0
	}
	return time.Duration(-n) * 100
}

// Throttle makes the server's own limits stricter than the directory's, so that
// guessing here locks nobody: two tries below the threshold, as a password that used to
// be right is tried once more. tight says that the threshold leaves no room for that.
func (l *LockPolicy) Throttle(c *auth.ThrottleConfig) (tight bool) {
	if l == nil || l.Threshold <= 0 {
		return false
	}
	c.AccountFailures = max(1, min(c.AccountFailures, l.Threshold-2))
	c.FamiliarFailures = min(c.FamiliarFailures, c.AccountFailures-1)
	c.Window = max(c.Window, l.Window)
	return l.Threshold < 3
}
