// Package panels keeps which devices at the doors of rooms show which room. A device
// shows a code; somebody who looks after a room confirms it; from then on the device's
// token stands for that room, and for nothing else.
package panels
