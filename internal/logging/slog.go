package logging

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// A TextHandler writes slog records as short lines for people and programs:
//
//	2026-11-21T10:04:05.123Z WARN directory: no response host=ldap1 after=2s
//
// The message stands as it is, with control characters escaped; values are
// quoted when they hold spaces, quotes, "=" or control characters. Times are
// UTC with milliseconds.
type TextHandler struct {
	level  slog.Leveler
	prefix string // groups opened by WithGroup, each with its dot
	attrs  []byte // attributes of With, ready to be copied
	out    *sharedWriter
}

type sharedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// NewTextHandler returns a handler that writes records of at least level to w,
// each with one Write.
func NewTextHandler(w io.Writer, level slog.Leveler) *TextHandler {
	return &TextHandler{level: level, out: &sharedWriter{w: w}}
}

// Enabled implements [slog.Handler].
func (h *TextHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

// Handle implements [slog.Handler].
func (h *TextHandler) Handle(_ context.Context, r slog.Record) error {
	line := make([]byte, 0, 256)
	if !r.Time.IsZero() {
		line = r.Time.UTC().AppendFormat(line, "2006-01-02T15:04:05.000Z ")
	}
	line = append(line, r.Level.String()...)
	line = append(line, ' ')
	line = appendClean(line, r.Message)
	line = append(line, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		line = appendAttr(line, h.prefix, a)
		return true
	})
	line = append(line, '\n')
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	_, err := h.out.w.Write(line)
	return err
}

// WithAttrs implements [slog.Handler].
func (h *TextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = append([]byte(nil), h.attrs...)
	for _, a := range attrs {
		c.attrs = appendAttr(c.attrs, h.prefix, a)
	}
	return &c
}

// WithGroup implements [slog.Handler].
func (h *TextHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.prefix += name + "."
	return &c
}

func appendAttr(dst []byte, prefix string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, m := range v.Group() {
			dst = appendAttr(dst, prefix, m)
		}
		return dst
	}
	if a.Equal(slog.Attr{}) {
		return dst
	}
	dst = append(dst, ' ')
	dst = appendClean(dst, prefix)
	dst = appendClean(dst, a.Key)
	dst = append(dst, '=')
	if v.Kind() == slog.KindTime {
		return v.Time().UTC().AppendFormat(dst, time.RFC3339)
	}
	s := v.String()
	if s == "" || strings.ContainsFunc(s, needsQuote) || !utf8.ValidString(s) {
		return strconv.AppendQuote(dst, s)
	}
	return append(dst, s...)
}

func needsQuote(r rune) bool {
	return r <= ' ' || r == '"' || r == '=' || r == 0x7f || !strconv.IsPrint(r)
}

// appendClean appends s with control characters escaped.
func appendClean(dst []byte, s string) []byte {
	if !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return append(dst, s...)
	}
	quoted := strconv.Quote(s)
	return append(dst, quoted[1:len(quoted)-1]...)
}
