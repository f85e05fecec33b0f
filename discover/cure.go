package discover

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"convene/directory"
)

// A Fault is what an error means to an administrator.
type Fault struct {
	Symptom string // what kind of error it is; stable, for programs: "ad-52e", "ldap-32", "x509-expired"
	Setting string // key of the setting at fault, such as "directory.ldap.bind-dn"; "": it is outside the configuration
	Problem string // what is wrong, in a clause
	Cure    string // what to do about it, as an order
}

// String returns problem and cure in a line.
func (f Fault) String() string {
	s := f.Problem
	if f.Setting != "" {
		s = f.Setting + ": " + s
	}
	if f.Cure != "" {
		s += " → " + f.Cure
	}
	return s
}

// Facts are what is known of the circumstances of an error. The zero Facts know nothing;
// what is missing makes problems and cures less particular.
type Facts struct {
	Config   directory.LDAPConfig // that was used
	Step     Step
	Type     directory.Type // of the records that were looked for
	Base     string         // that was searched
	GUID     string         // attribute with the identity of Type
	Contexts []string       // namingContexts of the root DSE (RFC 4512 §5.1)
	SRV      []string       // hosts that the domain's SRV records name
	Keytab   string         // file with the keys that were used
}

// Step says what was being done.
type Step uint8

// The steps. Elsewhere is what the error's text tells.
const (
	Elsewhere Step = iota
	Connecting
	StartingTLS
	Binding
	Searching
	Ticketing // asking a KDC, or accepting a ticket
)

// Nobody is the finding that a search which should find records finds none, and what
// else was tried to learn why.
type Nobody struct {
	Type       directory.Type
	Base       []string
	Filter     string
	Unfiltered int    // entries below the bases without the filter
	Elsewhere  string // a base below which the filter finds records; "": none
	Preset     string // a preset whose filter finds records; "": none
}

// Error says what was searched for where.
func (n *Nobody) Error() string {
	return fmt.Sprintf("no %s below %q by %s", n.Type, n.Base, n.Filter)
}

// Explain finds what an error means. Of several errors joined it is the first known. It
// reports false for what it does not know.
func Explain(err error, f Facts) (Fault, bool) {
	if err == nil {
		return Fault{}, false
	}
	if s, ok := errors.AsType[*directory.SettingError](err); ok {
		return Fault{Symptom: "setting", Setting: "directory.ldap." + s.Setting, Problem: s.Err.Error(), Cure: "correct it"}, true
	}
	if f.Step == Elsewhere {
		f.Step = stepOf(err)
	}
	found := f.symptom(err)
	if found == "" {
		return Fault{}, false
	}
	for _, r := range cures() {
		if r.symptom == found {
			return f.fill(r, err), true
		}
	}
	return Fault{}, false
}

// responseText is how go-ldap writes a server's response.
var responseText = regexp.MustCompile(`LDAP Result Code (\d+) "`)

// ExplainText is Explain for the text of an error, as a running server tells it: what a
// server or a KDC has responded is known by its code, other errors are not.
func ExplainText(text string, f Facts) (Fault, bool) {
	if krbError.MatchString(text) {
		return Explain(errors.New(text), f)
	}
	m := responseText.FindStringSubmatch(text)
	if m == nil {
		return Fault{}, false
	}
	code, err := strconv.ParseUint(m[1], 10, 16)
	if err != nil {
		return Fault{}, false
	}
	return Explain(ldap.NewError(uint16(code), errors.New(text)), f)
}

// stepOf reads an error's text, which package directory begins with what it did.
func stepOf(err error) Step {
	text := err.Error()
	switch {
	case strings.Contains(text, "StartTLS"):
		return StartingTLS
	case strings.Contains(text, "bind as "), strings.Contains(text, "bind external"):
		return Binding
	case strings.Contains(text, "search of "):
		return Searching
	}
	return Elsewhere
}

// fill puts what is known into the texts of a row.
func (f Facts) fill(r cure, err error) Fault {
	c := f.Config
	secret, secretFile := "bind-password", "the account's password"
	switch {
	case c.BindKeytab != "":
		secret, secretFile = "bind-keytab", c.BindKeytab
	case c.BindPasswordFile != "":
		secret, secretFile = "bind-password-file", c.BindPasswordFile
	}
	records := f.Type.String()
	if f.Type == directory.AnyType {
		records = directory.User.String()
	}
	words := []string{
		"{bind}", orWords(c.BindDN, "nobody (anonymous)"),
		"{secret}", secret, "{secret-file}", secretFile,
		"{base}", orWords(f.base(err), "the base"), "{contexts}", contexts(f.Contexts),
		"{type}", records, "{guid}", orWords(f.GUID, "the GUID attribute"),
		"{host}", hostOf(err), "{srv}", srv(f.SRV), "{domain}", domainOf(c),
		"{keytab}", orWords(f.Keytab, "the keytab"), "{ca-file}", c.CAFile,
		"{reason}", err.Error(),
	}
	words = append(words, certificateWords(err)...)
	words = append(words, nobodyWords(err)...)
	text := strings.NewReplacer(words...)
	return Fault{Symptom: r.symptom, Setting: text.Replace(r.setting), Problem: text.Replace(r.problem), Cure: text.Replace(r.cure)}
}

func orWords(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// base is the one that was searched: the facts', else that in the error's text.
func (f Facts) base(err error) string {
	if f.Base != "" {
		return f.Base
	}
	if _, rest, ok := strings.Cut(err.Error(), `search of "`); ok {
		base, _, _ := strings.Cut(rest, `"`)
		return base
	}
	return strings.Join(f.Config.Base, " or ")
}

func contexts(list []string) string {
	if len(list) == 0 {
		return "what the directory really has"
	}
	return "one of " + quoted(list)
}

func srv(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return ", or name one of those in the domain's SRV records: " + strings.Join(list, ", ")
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(out, ", ")
}

// domainOf is the DNS name of the domain that the first base is in.
func domainOf(c directory.LDAPConfig) string {
	if len(c.Base) == 0 {
		return "DOMAIN"
	}
	return cmp.Or(DomainOf(c.Base[0]), "DOMAIN")
}

// certificateWords describes the certificate that was not trusted.
func certificateWords(err error) []string {
	leaf, _ := refusedCertificate(err)
	if leaf == nil {
		leaf = &x509.Certificate{}
	}
	names := quoted(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names += fmt.Sprintf(", %q", ip.String())
	}
	return []string{
		"{subject}", leaf.Subject.String(), "{issuer}", leaf.Issuer.String(), "{names}", strings.TrimPrefix(names, ", "),
		"{name}", firstOr(leaf.DNSNames, leaf.Subject.CommonName), "{pin}", Pin(leaf),
		"{from}", leaf.NotBefore.UTC().Format("2006-01-02 15:04 MST"), "{until}", leaf.NotAfter.UTC().Format("2006-01-02 15:04 MST"),
	}
}

func firstOr(list []string, otherwise string) string {
	if len(list) > 0 {
		return list[0]
	}
	return otherwise
}

func nobodyWords(err error) []string {
	n, ok := errors.AsType[*Nobody](err)
	if !ok {
		return nil
	}
	return []string{"{count}", fmt.Sprint(n.Unfiltered), "{filter}", n.Filter, "{elsewhere}", n.Elsewhere, "{preset}", n.Preset,
		"{bases}", quoted(n.Base), "{nobody}", n.Type.String()}
}
