// Package password verifies passwords against stored hashes: those of crypt(3), of
// htpasswd files, of LDAP's userPassword, and PHC strings.
package password
