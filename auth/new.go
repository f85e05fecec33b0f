package auth

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// openLimit bounds the start's reading and writing of the state.
const openLimit = 30 * time.Second

// New checks the options and opens the state. It fails on settings that cannot
// work, such as a keytab that cannot be read; a scheme that nothing could
// verify is only left out, with a warning.
func New(o Options) (*Authenticator, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	a := &Authenticator{o: o, log: o.Log, now: o.Now, throttle: newThrottle(o.Throttle, o.Now)}
	ctx, cancel := context.WithTimeout(context.Background(), openLimit)
	defer cancel()
	st, err := openState(ctx, o.State, o.Rand)
	if err != nil {
		return nil, fmt.Errorf("state of sign-in: %w", err)
	}
	a.familiar = newNetworksOf(st, o.Now)
	if o.State != nil {
		a.devices = newDevices(a, st)
	}
	for _, s := range o.Schemes {
		usable, err := a.open(ctx, s, st)
		if err != nil {
			return nil, fmt.Errorf("scheme %s: %w", s, err)
		}
		if usable {
			a.schemes = append(a.schemes, s)
		}
	}
	if len(a.schemes) == 0 {
		return nil, errors.New("sign-in: none of the configured schemes can be verified")
	}
	return a, nil
}

// open prepares one scheme. It reports false for one that nothing verifies.
func (a *Authenticator) open(ctx context.Context, scheme string, st *state) (bool, error) {
	switch scheme {
	case SchemeNegotiate:
		if a.o.Negotiate.Keytab == "" {
			a.log.Warn("Kerberos is not offered: no keytab is configured")
			return false, nil
		}
		n, err := newNegotiator(ctx, a, st)
		a.negotiate = n
		return err == nil, err
	case SchemeDigest:
		d, err := newDigester(ctx, a, st)
		if err != nil {
			return false, err
		}
		if !d.verifiable() {
			a.log.Warn("Digest is not offered: there are no htdigest files, no device passwords, and the directory knows no secrets")
			return false, nil
		}
		a.digest = d
		return true, nil
	}
	b, err := newBasic(a)
	a.basic = b
	return err == nil, err
}

// complete fills in defaults and checks.
func (o *Options) complete() error {
	if o.Directory == nil {
		return errors.New("sign-in: no directory")
	}
	def := DefaultConfig()
	if len(o.Schemes) == 0 {
		o.Schemes = def.Schemes
	}
	o.Schemes = slices.Clone(o.Schemes)
	for i, s := range o.Schemes {
		s = strings.ToLower(s)
		if s != SchemeNegotiate && s != SchemeDigest && s != SchemeBasic || slices.Contains(o.Schemes[:i], s) {
			return fmt.Errorf("sign-in: scheme %q is unknown or named twice", s)
		}
		o.Schemes[i] = s
	}
	o.Realm = cmp.Or(o.Realm, def.Realm)
	if err := checkRealm(o.Realm); err != nil {
		return fmt.Errorf("sign-in: %w", err)
	}
	o.completeSchemes(def)
	o.Accounts.complete()
	if len(o.Certificates.Identify) == 0 {
		o.Certificates = def.Certificates
	}
	if err := o.Certificates.check(); err != nil {
		return fmt.Errorf("sign-in: certificates.identify: %w", err)
	}
	if key, err := o.Accounts.check(); err != nil {
		return fmt.Errorf("sign-in: accounts.%s: %w", key, err)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Secure == nil {
		o.Secure = func(r *http.Request) bool { return r.TLS != nil }
	}
	if o.Address == nil {
		o.Address = remoteAddress
	}
	if o.ClientCertificate == nil {
		o.ClientCertificate = func(*http.Request) *x509.Certificate { return nil }
	}
	if o.Certificate == nil {
		o.Certificate = func(*http.Request) *x509.Certificate { return nil }
		if o.Negotiate.ChannelBinding == BindingRequire {
			return errors.New("sign-in: channel bindings are required, but the server's certificate is not known here")
		}
	}
	return nil
}

func (o *Options) completeSchemes(def Config) {
	n, d, b, t := &o.Negotiate, &o.Digest, &o.Basic, &o.Throttle
	if len(n.Services) == 0 {
		n.Services = def.Negotiate.Services
	}
	if len(n.Principals) == 0 {
		n.Principals = def.Negotiate.Principals
	}
	if len(n.Enctypes) == 0 {
		n.Enctypes = def.Negotiate.Enctypes
	}
	n.Skew = cmp.Or(max(n.Skew, 0), def.Negotiate.Skew)
	n.ChannelBinding = cmp.Or(n.ChannelBinding, def.Negotiate.ChannelBinding)
	if len(d.Algorithms) == 0 {
		d.Algorithms = def.Digest.Algorithms
	}
	d.NonceLife = cmp.Or(max(d.NonceLife, 0), def.Digest.NonceLife)
	b.CacheFor = cmp.Or(max(b.CacheFor, 0), def.Basic.CacheFor)
	b.OutageFor = cmp.Or(max(b.OutageFor, 0), def.Basic.OutageFor)
	b.CacheSize = cmp.Or(max(b.CacheSize, 0), def.Basic.CacheSize)
	t.Window = cmp.Or(max(t.Window, 0), def.Throttle.Window)
	t.AccountFailures = cmp.Or(max(t.AccountFailures, 0), def.Throttle.AccountFailures)
	t.RefuseAfter = cmp.Or(max(t.RefuseAfter, 0), def.Throttle.RefuseAfter)
	t.LocalFailures = cmp.Or(max(t.LocalFailures, 0), def.Throttle.LocalFailures)
	t.AddressFailures = cmp.Or(max(t.AddressFailures, 0), def.Throttle.AddressFailures)
}
