// Package delegation decides what a caller may do to a resource.
//
// There is one function for it, Policy.Privileges: it is asked once per
// request and its answer, a set of RFC 3744 privileges, is what every check
// and every DAV:current-user-privilege-set is made from. Today a privilege
// comes from owning the resource, from being an administrator, or from being
// allowed to read everybody's calendars; access control entries and delegates
// extend this function and nothing else.
package delegation
