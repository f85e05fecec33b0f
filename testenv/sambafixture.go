package testenv

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// adPolicy is applied to a new domain before it is kept: passwords may be
// changed at once and do not expire, and lockout is short.
const adPolicy = `dn: ` + adBase + `
changetype: modify
replace: minPwdAge
minPwdAge: 0
-
replace: maxPwdAge
maxPwdAge: 0
-
replace: lockoutThreshold
lockoutThreshold: 3
-
replace: lockoutDuration
lockoutDuration: -30000000
-
replace: lockOutObservationWindow
lockOutObservationWindow: -30000000

dn: CN=DC1,OU=Domain Controllers,` + adBase + `
changetype: modify
add: servicePrincipalName
servicePrincipalName: ldap/dc1.ad.example.com
servicePrincipalName: ldap/dc1.ad.example.com/ad.example.com
`

// fixtureAge is when a kept domain is made anew: its certificates and
// passwords of computers have dates in them.
const fixtureAge = 30 * 24 * time.Hour

// adFixture returns a tar file with the database of a provisioned domain.
func adFixture(t testing.TB, programs sambaPrograms) string {
	t.Helper()
	return kept(t, programs, "ad", adPolicy+adPassword+strings.Join(provisionArgs("D", "127.0.0.1"), " "),
		func(file string) { makeFixture(t, programs, file) })
}

// kept returns a file that costs a while to make, making it if there is none for this
// version of Samba and this recipe, or an old one. Test programs that run at the same time
// wait for the one that makes it.
func kept(t testing.TB, programs sambaPrograms, name, recipe string, make func(file string)) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "convene-testenv")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	version := Run(t, nil, "", programs.samba, "--version")
	sum := sha256.Sum256([]byte(version + recipe))
	file := filepath.Join(cache, name+"-"+hex.EncodeToString(sum[:6])+".tar")
	lock, err := os.OpenFile(file+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(file)
	if err == nil && time.Since(st.ModTime()) < fixtureAge {
		return file
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	make(file)
	return file
}

func provisionArgs(dir, ip string) []string {
	return []string{"domain", "provision", "--server-role=dc", "--use-rfc2307",
		"--dns-backend=SAMBA_INTERNAL", "--realm=" + adRealm, "--domain=AD", "--adminpass=" + adPassword,
		"--host-name=dc1", "--host-ip=" + ip, "--targetdir=" + filepath.Join(dir, "dc"),
		"--option=interfaces=lo", "--option=bind interfaces only=yes", "--option=dns forwarder=",
		"--option=posix:eadb=" + filepath.Join(dir, "eadb.tdb"), "--option=vfs objects=dfs_samba4 acl_xattr xattr_tdb"}
}

// makeFixture provisions a domain, applies the policy offline, and writes the
// file under another name first.
func makeFixture(t testing.TB, programs sambaPrograms, file string) {
	t.Helper()
	dir := Dir(t)
	start := time.Now()
	Run(t, nil, "", programs.tool, provisionArgs(dir, "127.0.0.1")...)
	modify := Require(t, "ad", "ldbmodify")[0]
	conf := filepath.Join(dir, "dc", "etc", "smb.conf")
	Run(t, nil, adPolicy, modify, "-H", filepath.Join(dir, "dc", "private", "sam.ldb"), "--configfile="+conf)
	Run(t, nil, "", programs.tar, "-C", dir, "-S", "-cf", file+".new", "dc")
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	t.Logf("provisioned a domain in %v", time.Since(start).Round(time.Millisecond))
}

// tryLock takes a lock on f if nobody has it.
func tryLock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
