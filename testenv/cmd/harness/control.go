package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// control serves stop, start and reset on a loopback port and returns the
// command line to which an operation's name is added.
func (h *harness) control() string {
	mux := http.NewServeMux()
	for name, do := range map[string]func() error{"stop": h.stop, "start": h.start, "reset": h.reset} {
		mux.HandleFunc("POST /"+name, func(w http.ResponseWriter, _ *http.Request) {
			if err := do(); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		// It ends with the program.
		_ = server.Serve(l)
	}()
	h.t.Cleanup(func() { _ = server.Close() })
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	return fmt.Sprintf("'%s' ctl http://%s", self, l.Addr())
}
