package testenv

import (
	"math"
	"math/rand/v2"
	"time"
)

// The shortest and the longest life of a process that is killed: from before it has
// written anything to after some flushes of the log, which happen once a second.
const (
	shortestLife = 20 * time.Millisecond
	longestLife  = 3 * time.Second
)

// Life draws how long a process runs before it is killed: short lives are as likely as
// long ones on a scale of orders of magnitude.
func Life(random *rand.Rand) time.Duration {
	return time.Duration(float64(shortestLife) * math.Pow(float64(longestLife)/float64(shortestLife), random.Float64()))
}
