package caldav

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"convene/acl"
	"convene/audit"
	"convene/auth"
	"convene/calendar"
	"convene/directory"
	"convene/internal/header"
	"convene/internal/logging"
	"convene/internal/membudget"
	"convene/internal/webdav"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/store"
)

// Options are what a Handler is made from. All fields but Delegates, Acts, Audit,
// PublicURL, Memory, Log and Now are required.
type Options struct {
	Calendars *calendar.Calendars
	Directory directory.Directory
	Access    *acl.Policy

	Delegates Delegates
	Acts      *audit.Log      // has who changed whose lists and delegates; nil: it is not recorded
	Audit     *audit.Accesses // has what administrators and readers do; nil: it is not recorded
	Limits    Limits
	Domains   []string          // of mail, whose addresses are all ours
	Mail      bool              // others can be invited by mail
	OldDrafts bool              // messages of clients from before RFC 6638 are taken, and do nothing
	PublicURL string            // origin by which clients know the server; "": Location is a path
	Memory    *membudget.Budget // for all requests; nil: one of DefaultMemory
	Log       *slog.Logger
	Now       func() time.Time

	AuditPrivate bool // each private event that administrators and readers read is recorded by itself

	// Language is that of rooms where no request asks for one; "": English.
	Language string

	// Rooms returns how a room or resource is set. It may wait. nil: humans answer for
	// them, and their calendars are like others'.
	Rooms func(context.Context, *directory.Principal) (*policy.Policy, error)

	// RoomIndex has all of them, for those who look for one; nil: nobody finds any by what
	// is in it, and none is named in the place of another.
	RoomIndex *rooms.Index
}

// Limits bound what one request may ask for. What may be stored is the store's
// quota.Policy.
type Limits struct {
	MaxRequestSize  int64         `toml:"max-request-size" doc:"Largest XML request body, and largest body with many objects, in bytes."`
	Instances       int           `toml:"max-instances" doc:"Most instances of recurring objects that one request may expand (CALDAV:max-instances)."`
	MaxResponseSize int64         `toml:"max-response-size" doc:"Largest response to one request, in bytes; more is 507 (DAV:number-of-matches-within-limits)."`
	Results         int           `toml:"max-results" doc:"Most resources in the response to one query; more is 507 (DAV:number-of-matches-within-limits)."`
	SearchResults   int           `toml:"max-search-results" doc:"Most principals in the response to one search."`
	QueryPast       time.Duration `toml:"query-past" doc:"How far back the time range of a query may begin (CALDAV:min-date-time); 0 is without limit."`
	QueryFuture     time.Duration `toml:"query-future" doc:"How far ahead the time range of a query may end (CALDAV:max-date-time); 0 is without limit."`
	FreeBusyPeople  int           `toml:"free-busy-people" doc:"Most people and groups whose busy times one request may ask for."`
	FreeBusyRooms   int           `toml:"free-busy-rooms" doc:"Most rooms and resources whose busy times one request may ask for, besides."`
	SingleComponent bool          `toml:"single-component" doc:"New calendars hold one type of component each: events, or tasks. Apple's clients show them apart either way."`
	Class           Class         `toml:"class" doc:"For whom the CLASS of an event makes it private, where X-CALENDARSERVER-ACCESS does not say it: \"sharees\" (those whom others let see their calendars, and delegates, see busy times alone), \"all\" (access.readers too), or \"ignore\"."`
	ListPrincipals  bool          `toml:"list-principals" doc:"Let signed-in users list all principals of a type. Otherwise they find those whom they search for by at least three characters."`
	FreeBusy        string        `toml:"free-busy" doc:"Who may see when people are busy, unless these say otherwise for a calendar by its access control list: \"all\" who sign in, the members of a \"group\" that the person is in, or \"none\". The busy times of rooms and resources are for all."`
}

// Rules are the limits of calendar data.
func (l Limits) Rules() calendar.Rules {
	return calendar.Rules{Instances: l.Instances, SingleComponent: l.SingleComponent}
}

// DefaultLimits is what a Handler uses where nothing else was said.
func DefaultLimits() Limits {
	return Limits{
		MaxRequestSize: 4 << 20, MaxResponseSize: 64_000_000, Instances: 100_000, Results: 100_000,
		SearchResults: 500, FreeBusyPeople: 30, FreeBusyRooms: 200, ListPrincipals: true, FreeBusy: "all", Class: ClassSharees,
	}
}

// DefaultMemory is the memory in bytes that all requests take together where
// nothing else was said.
const DefaultMemory = 192_000_000

// Handler serves the URL space below "/" to signed-in callers. It is safe for
// concurrent use.
type Handler struct {
	Options
	methods    map[kind]verbs
	props      *propertyTable
	reports    []report
	serverInfo serverInfo
	buffers    buffers
	parsers    sync.Pool // of *webdav.Parser
}

// New makes a handler.
func New(o Options) (*Handler, error) {
	if o.Calendars == nil || o.Directory == nil || o.Access == nil {
		return nil, errors.New("caldav: calendars, directory and access policy are required")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Memory == nil {
		o.Memory = membudget.New(DefaultMemory)
	}
	h := &Handler{Options: o, methods: methods(), reports: reports()}
	h.props = newPropertyTable()
	h.serverInfo = newServerInfo()
	return h, nil
}

// A request is one HTTP request with what is known of it before the store is
// asked.
type request struct {
	*http.Request
	caller *auth.Caller
	target target
	now    time.Time

	// What step one has found to be needed besides what the method table says:
	// privileges of the target, and those to add something at a destination.
	need        acl.Privilege
	destination *destination

	in *transaction // of the action, if it is another than the method table says

	certain bool // nothing is to be done if a room declines

	restricted bool // the target is an event that its owner keeps from others

	concealed bool // who may not do this is told that nothing is there

	// presumed: the target of a report is a calendar that the caller may read, and that of
	// a PUT is in one of their own, as nearly always, unless the transaction that answers
	// sees otherwise. Nothing is looked up before it then. A first run may presume.
	mayPresume, presumed bool

	sent sentBody // once it was read
	xml  xmlBody  // of a report, once it was read

	act *audit.Act // that the audit log tells of before and after it; nil: of none

	facts facts // of the directory, as far as the action has asked for them

	// What the caller may do for others, by their GUID, at the moment of the
	// transaction; and why that is not known of some. See scope.actsFor.
	proxies   map[string]*acl.Proxy
	undecided error

	decisions []calendar.RoomDecision // of rooms, in the transaction

	// claimed is the SENT-BY of somebody else that the client wrote into a meeting, and
	// that was not taken; "": none.
	claimed string

	// then is what the action wants done after its transaction, outside of the
	// store: it makes the response.
	then func(context.Context) (*webdav.Response, error)

	page   bool           // a page of ours makes it
	line   *logging.Entry // in the access log
	memory *memory
}

// actor is who makes the request.
func (h *Handler) actor(r *request) calendar.Actor {
	c := aclCaller(r.caller)
	actor := calendar.Actor{Who: aclCaller(r.caller.Self()).GUID, As: c.GUID, Administrator: h.Access.IsAdministrator(c)}
	if p := r.caller; p != nil && p.Principal != nil {
		actor.Name = p.Principal.FullName
		if len(p.Principal.Emails) > 0 {
			actor.Email = p.Principal.Emails[0]
		}
	}
	return actor
}

// Serve answers r for caller, who has passed sign-in and the service access
// list.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, caller *auth.Caller) {
	mem := h.newMemory()
	defer mem.Release()
	req := &request{Request: r, caller: caller, now: h.Now(), line: logging.For(w), memory: mem}
	resp, _ := h.answer(req) // the response says why, and the log
	h.serverInfo.tell(r, resp)
	h.locate(resp)
	if sent := send(w, r, resp); sent && resp.Recycle != nil {
		resp.Recycle(resp.Body)
	}
}

// answer responds to req, and records what is to be recorded of it. The error says why
// the response is a refusal, where it is made of one.
func (h *Handler) answer(req *request) (*webdav.Response, error) {
	resp, err := h.respond(req)
	if err != nil {
		resp = h.errorResponse(req.Request, err)
	}
	req.tellFor()
	if failed := h.record(req, resp.Status); failed != nil {
		return h.errorResponse(req.Request, failed), failed
	}
	return resp, err
}

// locate makes the Location of what was created or moved a URL, if clients come by
// another than they see.
func (h *Handler) locate(resp *webdav.Response) {
	if path := header.Get(resp.Header, "Location"); path != "" {
		resp.Header.Set("Location", h.PublicURL+path)
	}
}

// respond runs the request, and runs it again if what it presumed of its target was
// wrong.
func (h *Handler) respond(req *request) (*webdav.Response, error) {
	req.mayPresume = req.Method == "REPORT" || req.Method == http.MethodPut
	resp, err := h.steps(req)
	if err == nil || !req.presumed {
		return resp, err
	}
	// Any refusal may come of it. They are rare, so one look more costs little.
	presumed := req.target.kind
	req.mayPresume, req.presumed, req.target.kind = false, false, kindMissing
	if failed := h.look(req.Context(), req); failed != nil {
		return nil, failed
	}
	if presumable(&req.target, req.target.kind, presumed) {
		return resp, err
	}
	return h.steps(req)
}

// presumable reports whether a request that presumed one kind of its target has another
// with nothing to do otherwise. PUT makes an object or replaces it.
func presumable(t *target, is, presumed kind) bool {
	if presumed == kindObject {
		return is&(kindObject|kindMissing) != 0 && !t.ordinary
	}
	return is == presumed
}

// steps finds the row of the method table and runs its two steps.
func (h *Handler) steps(req *request) (*webdav.Response, error) {
	ctx := req.Context()
	s, err := h.prepare(ctx, req)
	if err != nil {
		return nil, err
	}
	if s.act == nil {
		return h.refuse(ctx, req)
	}
	var resp *webdav.Response
	err = h.recorded(ctx, req, func() error {
		resp, err = h.transact(ctx, s)
		return err
	})
	return resp, err
}

// A second is the second step of a request as the first has left it.
type second struct {
	*request
	method
	act    action              // nil: there is no such method, or nobody like the caller may do such a thing
	groups calendar.Membership // those of the target's owner that have limits
}

// prepare is step one.
func (h *Handler) prepare(ctx context.Context, req *request) (*second, error) {
	if err := req.memory.reserve(ctx, leastMemory); err != nil {
		return nil, err
	}
	t, err := parseTarget(req.URL.EscapedPath())
	switch {
	case err == errNoParent && creates(req.Method):
		return nil, noParent()
	case err == errNoSuchPath && creates(req.Method): // RFC 4918 §9.7.1, RFC 4791 §5.3.1.1
		return nil, precondition(webdav.CondCalendarCollectionLocationOK)
	}
	if err != nil {
		return nil, err
	}
	if t.kind == kindWellKnown { // is answered before sign-in, by WellKnown
		return nil, errNoSuchPath
	}
	req.target = t
	if err := h.resolve(ctx, req); err != nil {
		return nil, err
	}
	s := &second{request: req}
	m, ok := h.table(req.target.kind, &req.target)[req.Method]
	if ok && !concealing(req) {
		hopeless, err := h.hopeless(req, &req.target, m.need.Target|m.need.Parent)
		if err != nil {
			return nil, err
		}
		ok = !hopeless
	}
	if ok {
		if m.in.writes {
			if err := h.Calendars.Store.Writable(ctx); err != nil {
				return nil, err
			}
		}
		if s.act, err = m.do(h, req); err != nil {
			return nil, err
		}
	}
	if req.in != nil {
		m.in = req.in
	}
	if s.method = m; s.act != nil {
		s.groups = h.quotaGroups(ctx, req)
	}
	return s, nil
}

// transact is step two: it runs the action in its transaction, until it lacks
// nothing.
func (h *Handler) transact(ctx context.Context, st *second) (resp *webdav.Response, err error) {
	err = h.supplied(ctx, st.request, func() error {
		return st.method.in.run(h.Calendars, ctx, h.actor(st.request), func(tx *calendar.Tx) error {
			resp, err = h.run(tx, st)
			return err
		})
	})
	if err == nil {
		h.logBookings(ctx, st.request)
	}
	if err == nil && st.then != nil {
		return st.then(ctx)
	}
	return resp, err
}

// run runs the action in a transaction.
func (h *Handler) run(tx *calendar.Tx, st *second) (*webdav.Response, error) {
	s, err := h.scope(tx, st.request)
	if err == nil {
		err = s.asPresumed()
	}
	if err != nil {
		return nil, err
	}
	if s.home != nil {
		if err := s.tx.SetQuotaGroups(s.home, st.groups); err != nil {
			return nil, err
		}
	}
	if st.method.in.writes {
		s.meet()
	}
	resp, err := s.serve(st.act)
	s.booked(resp)
	if err == nil {
		err = s.declined()
	}
	return resp, s.outcome(err)
}

// refuse is step two of a request that has no step one, since there is no such
// method or nobody like the caller may do such a thing. No home is made for it.
func (h *Handler) refuse(ctx context.Context, req *request) (resp *webdav.Response, err error) {
	nowhere := &scope{h: h, req: req, kind: req.target.kind}
	if req.target.kind&belowHome == 0 {
		return nowhere.serve(nil)
	}
	err = h.supplied(ctx, req, func() error {
		return h.Calendars.View(ctx, h.actor(req), func(tx *calendar.Tx) error {
			s, err := h.scope(tx, req)
			if missing, ok := errors.AsType[*lack](err); ok && missing.home != nil {
				nowhere.kind = kindMissing
				s, err = nowhere, nil
			}
			if err == nil {
				err = s.asPresumed()
			}
			if err != nil {
				return err
			}
			resp, err = s.serve(nil)
			return s.outcome(err)
		})
	})
	return resp, err
}

// creates reports whether a method is there to make what its URL names.
func creates(method string) bool {
	return method == http.MethodPut || method == "MKCOL" || method == "MKCALENDAR"
}

// resolve asks the directory for the target's record, what the caller may do for its
// owner, and the store for the kind of what lies in a home.
func (h *Handler) resolve(ctx context.Context, req *request) error {
	t := &req.target
	if t.ident == "" || t.kind&(kindPrincipal|kindProxyGroup|kindHome|kindMissing) == 0 {
		return nil
	}
	owner, err := h.Directory.Lookup(ctx, t.key())
	if errors.Is(err, directory.ErrNotFound) {
		if moved := h.moved(ctx, req); moved != nil {
			return moved
		}
		return noHome(req, err)
	}
	if err != nil {
		return err
	}
	t.owner = owner
	if t.kind == kindProxyGroup && !owner.CalendarEnabled {
		return errNoSuchPath // there is nothing to act for
	}
	if t.kind == kindPrincipal {
		return nil
	}
	if !owner.CalendarEnabled {
		return noHome(req, &webdav.Error{Status: http.StatusNotFound, Description: "this record has no calendars"})
	}
	if err := h.supplyActing(ctx, req, owner.GUID); err != nil || t.kind == kindProxyGroup {
		return err
	}
	return h.resolveKind(ctx, req)
}

// resolveKind finds the kind of what lies in a home: by what is asked of it, as far as
// that says it, and else from the store.
func (h *Handler) resolveKind(ctx context.Context, req *request) error {
	t, owner := &req.target, req.target.owner
	presuming := req.mayPresume && !t.addMember && t.slash == (t.object == "") && calendar.MayBeCalendar(t.collection)
	switch {
	case t.kind == kindHome:
		return nil // the path says it
	case t.object != "" && !t.slash && (req.Method == http.MethodGet || req.Method == http.MethodHead):
		// An object, or else 404: the transaction that answers sees which.
		t.kind = kindObject
		return nil
	case t.object == "" && t.slash && !t.addMember && req.Method == "PROPFIND" && header.Get(req.Header, "Depth") == "0":
		// So poll clients. All collections have the same PROPFIND, or else 404.
		t.kind = kindCalendar
		return nil
	case presuming && t.object == "" && req.Method != http.MethodPut && h.Access.May(aclOwner(owner), req.asks(), acl.Read):
		t.kind, req.presumed = kindCalendar, true
		return nil
	case presuming && t.object != "" && req.Method == http.MethodPut && aclCaller(req.caller).GUID == owner.GUID && h.Access.May(aclOwner(owner), req.asks(), acl.Write):
		t.kind, req.presumed = kindObject, true
		return nil
	}
	return h.look(ctx, req)
}

// asPresumed ends a run of a request that presumed another kind of its target.
func (s *scope) asPresumed() error {
	t := &s.req.target
	switch {
	case !s.req.presumed:
	case !presumable(t, s.kind, t.kind):
		return errReplaced
	case t.object != "" && (s.col == nil || s.col.Kind != store.KindCalendar):
		return errReplaced
	}
	return nil
}

// look asks the store for the kind of what lies in a home.
func (h *Handler) look(ctx context.Context, req *request) error {
	t := &req.target
	return h.supplied(ctx, req, func() error {
		found := *t
		err := h.Calendars.View(ctx, h.actor(req), func(tx *calendar.Tx) error {
			found = *t
			return h.setKind(tx, &found)
		})
		if err == nil {
			*t = found
		}
		return err
	})
}

// noHome is what err, which says that the target has no record or no home, is to a
// request: 409 to what would make something in the home, whose parent is missing (RFC
// 4918 §9.3.1, §9.7.1), and to what would make the home or the record, that this is not
// the place (RFC 4791 §5.3.1.1).
func noHome(req *request, err error) error {
	switch {
	case !creates(req.Method):
		return err
	case req.target.kind == kindMissing:
		return noParent()
	}
	return precondition(webdav.CondCalendarCollectionLocationOK)
}

// redirectToSlash sends GET on a collection without its final slash to the
// collection (other methods are served as they are: clients that create or
// report leave the slash out).
func (s *scope) redirectToSlash() *webdav.Response {
	req := s.req
	const files = kindObject | kindMissing | kindFreeBusyURL | kindRoot | kindServerInfo | kindRooms
	if req.target.slash || s.kind&files != 0 || req.Method != http.MethodGet && req.Method != http.MethodHead {
		return nil
	}
	// As the path was understood, and not as it came: "//host/../calendars" would
	// lead to another server.
	path, err := webdav.CleanPath(req.URL.EscapedPath())
	if err != nil {
		return nil
	}
	return &webdav.Response{Status: http.StatusMovedPermanently, Header: http.Header{"Location": {webdav.EscapePath(path) + "/"}}}
}

// errorResponse writes the cause to the log and the condition to the client.
func (h *Handler) errorResponse(r *http.Request, err error) *webdav.Response {
	if patch, ok := errors.AsType[*patchError](err); ok {
		return patch.response()
	}
	if moved, ok := errors.AsType[*movedError](err); ok {
		return moved.response()
	}
	if refused, ok := errors.AsType[*makeError](err); ok {
		return refused.response()
	}
	e := davError(err)
	h.logFailure(r, e.Code(), err)
	if e.Status == http.StatusServiceUnavailable && e.RetryAfter == 0 {
		e.RetryAfter = retryAfter
	}
	return e.Response()
}

// logFailure notes what is a fault of ours or of what we depend on, such as a full
// disk: not that a quota is used up, nor that a client has gone.
func (h *Handler) logFailure(r *http.Request, status int, err error) {
	level := slog.LevelError
	switch {
	case errors.Is(err, store.ErrFull): // whose status is 507 too
	case status < http.StatusInternalServerError || status == http.StatusInsufficientStorage || status == http.StatusBadGateway:
		return
	case errors.Is(err, context.Canceled), errors.Is(err, store.ErrPaused): // which the operator wants
		level = slog.LevelDebug
	case errors.Is(err, errNoMemory): // the client tries again
		level = slog.LevelWarn
	}
	h.Log.LogAttrs(r.Context(), level, "request failed", slog.String("method", r.Method),
		slog.String("path", r.URL.Path), slog.Int("status", status), slog.Any("error", err))
}

// pausedRetry is how long a client should wait while the server is read-only.
const pausedRetry = 2 * time.Minute

// retryAfter is how long a client should wait when a dependency cannot answer.
const retryAfter = 30 * time.Second

const (
	calendarType = "text/calendar;charset=utf-8"
	jcalType     = "application/calendar+json;charset=utf-8"
)

// revalidate is the Cache-Control of what GET gives: people's own data, which
// changes.
var revalidate = []string{"private, no-cache"}

// send writes the response, once, headers first. It reports whether nobody reads
// the body any more: when a client resets its HTTP/2 stream, the write fails
// while a part of the body is still on its way to the connection.
func send(w http.ResponseWriter, r *http.Request, resp *webdav.Response) (sent bool) {
	fields := w.Header()
	for name, values := range resp.Header {
		if name == "Vary" { // compression, which is around this, has said its own (RFC 9110 §12.5.5)
			values = slices.Concat(fields[name], values)
		}
		fields[name] = values
	}
	// What fits into its buffer net/http counts itself, with less to do.
	if large := len(resp.Body) > 1<<10; large || r.Method == http.MethodHead && resp.Status != http.StatusNotModified {
		fields["Content-Length"] = []string{strconv.Itoa(len(resp.Body))}
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		fields["Cache-Control"] = revalidate
	}
	w.WriteHeader(resp.Status)
	if r.Method == http.MethodHead {
		return true
	}
	// A failed write means that the client has gone; there is no one to tell.
	_, err := w.Write(resp.Body)
	return err == nil
}
