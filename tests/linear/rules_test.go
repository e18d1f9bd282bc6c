package main

import (
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

var lawfulPlans = map[string]string{
	"plans share": `
		0..1 PLAN id=a 200
		2..3 PLAN id=b 200
		4..5 LOCK id=c 423
		6..7 LOCK id=a 423 holder=a
		8..9 POST id=a serial=1 doc=x 409
		10..11 POST serial=1 doc=x 409
		12..13 UNLOCK id=a 200
		14..15 LOCK id=c 423 holder=b
		16..17 UNLOCK id=b 200
		18..19 LOCK id=c 200
		20..21 PLAN id=d 423 holder=c
		22..23 PLAN id=a 410`,
	"a maintenance": `
		0..1 LOCK id=a 200
		2..3 SHUT 200
		4..5 LOCK id=b 423 holder=MAINTENANCE
		6..7 PLAN id=b 423 holder=MAINTENANCE
		8..9 LOCK id=a 200
		10..11 POST id=a serial=1 doc=x 200
		12..13 UNLOCK id=a 200
		14..15 POST serial=2 doc=y 409
		16..17 FORCE 403
		18..19 LOCK id=a 410
		20..21 REOPEN 200
		22..23 REOPEN 404
		24..25 LOCK id=b 200`,
	"a maintenance and what it may miss": `
		0..9 SHUT 200
		1..8 LOCK id=a 200
		10..11 SHUT 503
		12..13 REOPEN 200
		14..15 PLAN id=b 423 holder=a
		16..17 UNLOCK id=a 200
		18..19 LOCK id=c 423 holder=MAINTENANCE`,
}

var unlawfulPlans = map[string]string{
	"a plan under a writer": `
		0..1 LOCK id=a 200
		2..3 PLAN id=b 200`,
	"a writer under a plan": `
		0..1 PLAN id=a 200
		2..3 LOCK id=b 200`,
	"a writer under the second plan": `
		0..1 PLAN id=a 200
		2..3 PLAN id=b 200
		4..5 UNLOCK id=a 200
		6..7 LOCK id=c 200`,
	"a write under plans": `
		0..1 PLAN id=a 200
		2..3 POST id=a serial=1 doc=x 200`,
	"a plan that is forgotten": `
		0..1 PLAN id=a 200
		2..3 UNLOCK id=a 409`,
	"a released plan that stays": `
		0..1 PLAN id=a 200
		2..3 UNLOCK id=a 200
		4..5 LOCK id=b 423 holder=a`,
	"a lock in a maintenance": `
		0..1 SHUT 200
		2..3 LOCK id=a 200`,
	"a plan in a maintenance": `
		0..1 SHUT 200
		2..3 PLAN id=a 200`,
	"a write in a maintenance": `
		0..1 SHUT 200
		2..3 POST serial=1 doc=x 200`,
	"a holder that a maintenance stops": `
		0..1 LOCK id=a 200
		2..3 SHUT 200
		4..5 POST id=a serial=1 doc=x 409`,
	"a maintenance that comes back": `
		0..1 SHUT 200
		2..3 REOPEN 200
		4..5 LOCK id=a 423 holder=MAINTENANCE`,
}

// What is lawful only where lock and storage are two services.
var lateWrites = map[string]string{
	"a write that lands after its lock was released": `
		0..1 LOCK id=a 200
		2..9 POST id=a serial=1 doc=x 200
		3..4 UNLOCK id=a 200
		5..6 GET 404`,
	"under the next lock, whose own write is refused then": `
		0..1 LOCK id=a 200
		2..9 POST id=a serial=1 doc=x 200
		3..4 UNLOCK id=a 200
		5..6 LOCK id=b 200
		7..8 GET 404
		10..11 GET doc=x 200
		12..13 POST id=b serial=2 doc=y 409`,
	"one without a lock": `
		0..9 POST serial=1 doc=x 200
		1..2 LOCK id=a 200
		3..4 GET 404
		10..11 GET doc=x 200`,
	"two that compared the same version": `
		0..1 POST serial=1 doc=x 200
		2..9 POST serial=2 doc=y 200
		2..9 POST serial=3 doc=z 409
		10..11 GET doc=y 200`,
	"after a forced release, before the next lock": `
		0..1 LOCK id=a 200
		2..3 POST id=a serial=1 doc=x 503
		4..5 FORCE 200
		6..7 GET 404
		8..9 GET doc=x 200`,
}

// And what is not, there either.
var tooLateWrites = map[string]string{
	"after the lock that follows a forced release": `
		0..1 LOCK id=a 200
		2..3 POST id=a serial=1 doc=x 503
		4..5 FORCE 200
		6..7 LOCK id=b 200
		8..9 GET 404
		10..11 GET doc=x 200`,
	"a write that was sent after its lock was released": `
		0..1 LOCK id=a 200
		2..3 UNLOCK id=a 200
		4..5 POST id=a serial=1 doc=x 200`,
	"one that compared another version": `
		0..1 LOCK id=a 200
		2..9 POST id=a serial=1 doc=x 200
		3..4 UNLOCK id=a 200
		5..6 LOCK id=b 200
		7..8 POST id=b serial=2 doc=y 200
		10..11 GET doc=x 200`,
	"a lawful write refused": `
		0..1 POST serial=1 doc=x 200
		2..3 LOCK id=a 200
		4..5 POST id=a serial=2 doc=y 409`,
	"a write that a later maintenance lets pass": `
		0..1 SHUT 200
		2..9 POST serial=1 doc=x 200
		10..11 GET doc=x 200`,
}

func TestALockThatIsGivenBackMayBeSeen(t *testing.T) {
	history := map[string]string{"": `
		0..9 LOCK id=a 423 holder=b
		1..2 LOCK id=c 423 holder=a
		3..4 LOCK id=b 200`,
		"and answered 200 later": `
		0..9 LOCK id=a 200
		1..2 LOCK id=c 423 holder=a
		3..4 LOCK id=b 200
		5..6 UNLOCK id=b 200`,
		"by its repeat": `
		0..1 LOCK id=a 503
		2..3 LOCK id=c 423 holder=a
		4..5 SHUT 200
		6..7 LOCK id=a 423 holder=MAINTENANCE
		8..9 REOPEN 200
		10..11 LOCK id=b 200`}
	all(t, history, Rules{Late: time.Minute, GiveBack: true}, porcupine.Ok)
	all(t, history, strict, porcupine.Illegal)
	history = map[string]string{"": `
		0..1 LOCK id=b 200
		2..3 LOCK id=a 423 holder=b
		4..5 LOCK id=c 423 holder=a`}
	all(t, history, Rules{Late: time.Minute, GiveBack: true}, porcupine.Illegal)
}

func TestPlansAndMaintenance(t *testing.T) {
	for _, rules := range []Rules{strict, apart} {
		all(t, lawfulPlans, rules, porcupine.Ok)
		all(t, unlawfulPlans, rules, porcupine.Illegal)
		all(t, lawful, rules, porcupine.Ok)
		all(t, unlawful, rules, porcupine.Illegal)
	}
}

func TestWritesThatArriveLate(t *testing.T) {
	all(t, lateWrites, apart, porcupine.Ok)
	all(t, lateWrites, strict, porcupine.Illegal)
	all(t, tooLateWrites, apart, porcupine.Illegal)
}

func all(t *testing.T, histories map[string]string, rules Rules, want porcupine.CheckResult) {
	t.Helper()
	for name, history := range histories {
		if got := resultBy(t, history, rules); got != want {
			t.Errorf("%s: %s, should be %s", name, got, want)
		}
	}
}
