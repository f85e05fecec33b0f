// Package acl decides who may do what (RFC 3744).
//
// There is one rule for it, the ordered access control list of a resource: List
// prints it (DAV:acl), Privileges evaluates it (every check and every
// DAV:current-user-privilege-set), and Principals names whom it is about
// (DAV:acl-principal-prop-set). What each method needs is the table Required.
//
// Everything here is pure: a Policy, a Resource and a Caller are values, groups
// came with the sign-in, and neither store nor directory is asked.
package acl
