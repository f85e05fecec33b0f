// Package panels keeps which devices show which room at its door, and which show the rooms
// of a building or a floor in a lobby. A device shows a code; somebody who looks after the
// room, or all of them, confirms it; from then on the device's token stands for showing
// these, and for nothing else.
package panels
