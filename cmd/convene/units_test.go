package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"convene/testenv"
)

const unitsDir = "../../dist/systemd"

// confined are the restrictions that the units have, as systemd-analyze calls them.
var confined = strings.Fields(`NoNewPrivileges= PrivateDevices= PrivateTmp= ProtectClock= ProtectControlGroups= ProtectHome= ProtectHostname=
	ProtectKernelLogs= ProtectKernelModules= ProtectKernelTunables= ProtectProc= ProtectSystem= LockPersonality= MemoryDenyWriteExecute=
	RemoveIPC= RestrictRealtime= RestrictSUIDSGID= SystemCallArchitectures= UMask= User=/DynamicUser= AmbientCapabilities=
	CapabilityBoundingSet=~CAP_SYS_ADMIN CapabilityBoundingSet=~CAP_SET(UID|GID|PCAP) CapabilityBoundingSet=~CAP_SYS_PTRACE
	CapabilityBoundingSet=~CAP_(DAC_*|FOWNER|IPC_OWNER) CapabilityBoundingSet=~CAP_NET_(BIND_SERVICE|BROADCAST|RAW) CapabilityBoundingSet=~CAP_NET_ADMIN
	RestrictNamespaces=~user RestrictNamespaces=~mnt RestrictNamespaces=~net RestrictNamespaces=~pid
	RestrictAddressFamilies=~AF_PACKET RestrictAddressFamilies=~AF_NETLINK RestrictAddressFamilies=~…
	SystemCallFilter=~@debug SystemCallFilter=~@module SystemCallFilter=~@mount SystemCallFilter=~@raw-io SystemCallFilter=~@reboot SystemCallFilter=~@swap
	SystemCallFilter=~@obsolete SystemCallFilter=~@cpu-emulation SystemCallFilter=~@clock`)

// What the units that are shipped confine, by systemd's own word: whoever takes over the
// server has no more of the machine than that.
func TestUnitsConfine(t *testing.T) {
	analyze := testenv.Require(t, "systemd", "systemd-analyze")[0]
	for _, tt := range []struct {
		unit      string
		threshold string // tenths of the exposure that systemd rates it at, at most
		more      []string
	}{
		{"convene.service", "15", strings.Fields("PrivateUsers= ProcSubset= NotifyAccess= SystemCallFilter=~@privileged SystemCallFilter=~@resources")},
		{"convene-backup.service", "20", nil},
	} {
		cmd := exec.Command(analyze, "security", "--offline=true", "--no-pager", "--threshold="+tt.threshold, "./"+tt.unit)
		cmd.Dir = unitsDir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s is exposed more than %s tenths: %v\n%s", tt.unit, tt.threshold, err, out)
		}
		cmd = exec.Command(analyze, "security", "--offline=true", "--no-pager", "--json=short", "./"+tt.unit)
		cmd.Dir = unitsDir
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", tt.unit, err)
		}
		var list []struct {
			Set  bool   `json:"set"`
			Name string `json:"name"`
		}
		if err := json.Unmarshal(out, &list); err != nil {
			t.Fatalf("%s: %v\n%s", tt.unit, err, out)
		}
		set := map[string]bool{}
		for _, one := range list {
			set[one.Name] = one.Set
		}
		for _, name := range append(tt.more, confined...) {
			if !set[name] {
				t.Errorf("%s: %s does not confine it", tt.unit, name)
			}
		}
	}
}

// systemd has nothing to say against the units, which are what it knows, and call the
// program as it can be called.
func TestUnitsAreWellFormed(t *testing.T) {
	analyze := testenv.Require(t, "systemd", "systemd-analyze")[0]
	dir := testenv.Dir(t)
	program := testenv.WriteFile(t, filepath.Join(dir, "convene"), "#!/bin/sh\n")
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	units, err := filepath.Glob(filepath.Join(unitsDir, "convene*.[a-z]*"))
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"verify", "--man=no"}
	for _, name := range units {
		if filepath.Ext(name) == ".sysusers" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		// Where it is installed it is not on this machine.
		args = append(args, testenv.WriteFile(t, filepath.Join(dir, filepath.Base(name)), strings.ReplaceAll(string(text), "/usr/local/bin/convene", program)))
		for line := range strings.Lines(string(text)) {
			if command, ok := strings.CutPrefix(strings.TrimSpace(line), "ExecStart="); ok {
				words := append(strings.Fields(command)[1:], "--help") // its flags are looked at, and nothing is done
				if status, text := convene(t, words...); status != 0 {
					t.Errorf("%s: %s: %d %s", filepath.Base(name), command, status, text)
				}
			}
		}
	}
	if len(args) != 6 {
		t.Fatalf("units: %q", args[2:])
	}
	cmd := exec.Command(analyze, args...)
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":")
	if out, err := cmd.CombinedOutput(); err != nil || len(out) != 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
}
