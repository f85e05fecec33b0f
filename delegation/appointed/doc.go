// Package appointed finds the delegates of locations and resources whom the
// directory names: in attributes of their records (owners, write-delegates,
// read-delegates). They are read there each time, and stored nowhere.
package appointed
