package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"convene/testenv"
)

// bench measures the server with the load driver in dir: all workloads on an
// empty store or beside the data of others, then the time of a start with the data. args go to the driver.
func bench(h *harness, dir, report string, args []string) int {
	dir = absolute(h.t, dir, "folder of the load driver (-calbench)")
	if report == "" {
		if err := os.MkdirAll("build", 0o777); err != nil {
			h.t.Fatal(err)
		}
		report = filepath.Join("build", "bench.json")
	}
	driver := h.path("calbench")
	h.t.Logf("harness: building the load driver")
	// The driver is a module of its own: go has to run in its folder.
	testenv.Run(h.t, nil, "", "go", "-C", dir, "build", "-o", driver, "./cmd/calbench")

	const base = "dc=example,dc=com"
	var users []string
	for i := 1; i <= 40; i++ {
		users = append(users, fmt.Sprintf("user%02d", i))
	}
	h.slapd(h.writeUsers(base, users), base)
	h.stableGUIDs()
	h.config.Quota.Bytes, h.config.Storage.Reserve = 0, 0 // the driver stores what it likes
	h.use(0, 0)
	for _, step := range []func() error{h.before, h.start} {
		if err := step(); err != nil {
			h.t.Fatal(err)
		}
	}
	version, err := h.convene("version")
	if err != nil {
		h.t.Fatal(err)
	}
	home := fmt.Sprintf("http://127.0.0.1:%d/calendars/users/", h.http)
	control := h.control()
	status := h.foreground("", driver, append([]string{
		"-name", "convene", "-version", strings.TrimSpace(version), "-auth", "basic", "-c", "8",
		"-calendar", home + "{user}/calendar/", "-home", home + "{user}/",
		"-users", "user01..user20", "-fixed", "user31..user34",
		"-pids", h.path("pids"), "-data", h.config.Server.Data, "-json", report,
	}, args...)...)
	if status != 0 {
		return status
	}
	if err := h.stop(); err != nil {
		h.t.Fatal(err)
	}
	status = h.foreground("", driver, "startup", "-cmd", control+" start", "-url", home+"user01/", "-user", "user01", "-json", report)
	h.t.Logf("harness: report in %s; compare with: (cd %s && go run ./cmd/calbench compare …)", report, dir)
	return status
}
