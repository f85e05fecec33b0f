// Package room is the pages about rooms: to find and to book one, one's bookings, what
// those do who look after rooms, and the panel at a door. All they do goes through
// package caldav, by the way of a PUT.
package room
