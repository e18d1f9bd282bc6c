package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// parse reads one operation: CALL..RETURN OP [id=] [serial=] [lineage=] [doc=] STATUS [holder=],
// times in ms.
func parse(t *testing.T, line string) Record {
	t.Helper()
	r := Record{State: "s"}
	var call, ret int64
	fields := strings.Fields(line)
	if _, err := fmt.Sscanf(fields[0], "%d..%d", &call, &ret); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	r.Call, r.Return = call*int64(time.Millisecond), ret*int64(time.Millisecond)
	r.Kind = Kind(fields[1])
	if r.Kind == Post {
		r.Lineage = "L"
	}
	for _, field := range fields[2:] {
		name, value, named := strings.Cut(field, "=")
		var err error
		switch {
		case !named:
			_, err = fmt.Sscan(field, &r.Status)
		case name == "id":
			r.ID = value
		case name == "holder":
			r.Holder = value
		case name == "doc":
			r.SHA = value
		case name == "lineage":
			r.Lineage = value
		case name == "serial":
			_, err = fmt.Sscan(value, &r.Serial)
		default:
			err = fmt.Errorf("unknown field %q", name)
		}
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	return r
}

var (
	strict = Rules{Late: time.Minute}
	apart  = Rules{Late: time.Minute, ArriveLate: true}
)

func resultOf(t *testing.T, history string) porcupine.CheckResult {
	t.Helper()
	return resultBy(t, history, strict)
}

func resultBy(t *testing.T, history string, rules Rules) porcupine.CheckResult {
	t.Helper()
	var records []Record
	for _, line := range strings.Split(strings.TrimSpace(history), "\n") {
		records = append(records, parse(t, line))
	}
	return Check(records, time.Minute, rules).Result
}

var lawful = map[string]string{
	"a session": `
		0..1 GET 404
		2..3 LOCK id=a 200
		4..5 LOCK id=a 200
		6..7 LOCK id=b 423 holder=a
		8..9 POST id=a serial=1 doc=x 200
		10..11 POST id=a serial=1 doc=x 200
		12..13 GET doc=x 200
		14..15 UNLOCK id=a 200
		16..17 UNLOCK id=a 200
		18..19 LOCK id=b 200
		20..21 POST id=b serial=3 doc=y 200
		22..23 GET doc=y 200`,
	"what a lock refuses": `
		0..1 POST serial=5 doc=x 200
		2..3 LOCK id=a 200
		4..5 POST serial=6 doc=y 409
		6..7 POST id=b serial=6 doc=y 409
		8..9 UNLOCK id=b 409
		10..11 POST id=a serial=5 doc=y 409
		12..13 POST id=a serial=6 lineage=M doc=y 409
		14..15 UNLOCK id=a 200
		16..17 LOCK id=a 410
		18..19 POST id=a serial=6 doc=y 409
		20..21 POST serial=6 doc=y 200
		22..23 POST serial=5 doc=x 409
		24..25 GET doc=y 200`,
	"late duplicates while another holds it": `
		0..1 LOCK id=a 200
		2..3 UNLOCK id=a 200
		4..5 LOCK id=b 200
		6..7 UNLOCK id=a 200
		8..9 LOCK id=a 410
		10..11 POST id=a serial=1 doc=x 409
		12..13 LOCK id=c 423 holder=b`,
	"two at once, one wins": `
		0..10 LOCK id=a 200
		0..10 LOCK id=b 423 holder=a`,
	"a write read before it is answered": `
		0..50 POST serial=1 doc=x 200
		10..20 GET doc=x 200`,
	"an unlock that got no answer and happened": `
		0..1 LOCK id=a 200
		2..3 UNLOCK id=a 503
		4..5 LOCK id=b 200`,
	"an unlock that got no answer and did not happen": `
		0..1 LOCK id=a 200
		2..3 UNLOCK id=a 0
		4..5 LOCK id=b 423 holder=a
		6..7 POST id=a serial=1 doc=x 200`,
	"a write without answer that happens late": `
		0..1 POST serial=1 doc=x 504
		2..3 GET 404
		4..5 GET 404
		6..7 GET doc=x 200`,
	"a lock without answer that happens late": `
		0..1 LOCK id=a 0
		2..3 LOCK id=b 200
		4..5 UNLOCK id=b 200
		6..7 LOCK id=c 423 holder=a`,
	"an unlock before its late lock, remembered": `
		0..1 LOCK id=a 0
		2..3 UNLOCK id=a 200
		4..5 LOCK id=a 410`,
	"an unlock before its late lock, not remembered": `
		0..1 UNLOCK id=a 200
		4..5 LOCK id=a 200`,
	"a forced release": `
		0..1 FORCE 200
		2..3 LOCK id=a 200
		4..5 FORCE 200
		6..7 LOCK id=a 410
		8..9 UNLOCK id=a 200
		10..11 LOCK id=b 200`,
	"a forced release, repeated within 120 s": `
		0..1 LOCK id=a 200
		2..3 FORCE 200
		3..4 FORCE 200
		5..6 LOCK id=b 200
		119000..119001 FORCE 409 holder=b
		119002..119003 LOCK id=c 423 holder=b`,
	"a forced release, once more after 120 s": `
		0..1 LOCK id=a 200
		2..3 FORCE 200
		4..5 LOCK id=b 200
		121000..121001 FORCE 200
		121002..121003 LOCK id=c 200`,
	"a forced release near 120 s: freed": `
		0..1 LOCK id=a 200
		2..3 FORCE 200
		4..5 LOCK id=b 200
		120000..120001 FORCE 200
		120002..120003 LOCK id=c 200`,
	"a forced release near 120 s: not freed": `
		0..1 LOCK id=a 200
		2..3 FORCE 200
		4..5 LOCK id=b 200
		120000..120001 FORCE 409 holder=b
		120002..120003 LOCK id=c 423 holder=b`,
}

var unlawful = map[string]string{
	"a lost write": `
		0..1 POST serial=1 doc=x 200
		2..3 POST serial=2 doc=y 200
		4..5 GET doc=x 200`,
	"a lost first write": `
		0..1 POST serial=1 doc=x 200
		2..3 GET 404`,
	"a write that comes and goes": `
		0..1 POST serial=1 doc=x 503
		2..3 GET doc=x 200
		4..5 GET 404`,
	"bytes that nobody sent": `
		0..1 POST serial=1 doc=x 200
		2..3 GET doc=z 200`,
	"two holders": `
		0..1 LOCK id=a 200
		2..3 LOCK id=b 200`,
	"two holders at once": `
		0..10 LOCK id=a 200
		0..10 LOCK id=b 200`,
	"two writers": `
		0..1 LOCK id=a 200
		2..3 LOCK id=b 503
		4..5 POST id=a serial=1 doc=x 200
		6..7 POST id=b serial=2 doc=y 200
		8..9 POST id=a serial=3 doc=z 200`,
	"a resurrected lock": `
		0..1 LOCK id=a 200
		2..3 UNLOCK id=a 200
		4..5 LOCK id=a 200`,
	"a lock resurrected by the server": `
		0..1 LOCK id=a 200
		2..3 UNLOCK id=a 200
		4..5 LOCK id=b 423 holder=a`,
	"a lock that is lost, seen by its holder": `
		0..1 LOCK id=a 200
		2..3 POST id=a serial=1 doc=x 409`,
	"a 423 that names another": `
		0..1 LOCK id=a 200
		2..3 LOCK id=b 423 holder=c`,
	"a 423 of a free state": `
		0..1 LOCK id=a 423 holder=b`,
	"an unlock by another": `
		0..1 LOCK id=a 200
		2..3 UNLOCK id=b 200
		4..5 LOCK id=c 200`,
	"an unlock refused to the holder": `
		0..1 LOCK id=a 200
		2..3 UNLOCK id=a 409`,
	"a write without ID on a locked state": `
		0..1 LOCK id=a 200
		2..3 POST serial=1 doc=x 200`,
	"a write with a released ID": `
		0..1 LOCK id=a 200
		2..3 UNLOCK id=a 200
		4..5 POST id=a serial=1 doc=x 200`,
	"a serial that goes back": `
		0..1 POST serial=2 doc=x 200
		2..3 POST serial=1 doc=y 200`,
	"other bytes with the same serial": `
		0..1 POST serial=2 doc=x 200
		2..3 POST serial=2 doc=y 200`,
	"another lineage": `
		0..1 POST serial=2 doc=x 200
		2..3 POST serial=3 lineage=M doc=y 200`,
	"a lawful write refused": `
		0..1 POST serial=2 doc=x 200
		2..3 POST serial=3 doc=y 409`,
	"a forced release that frees nothing": `
		0..1 LOCK id=a 200
		2..3 FORCE 200
		4..5 LOCK id=b 423 holder=a`,
	"a repeat that frees": `
		0..1 LOCK id=a 200
		2..3 FORCE 200
		4..5 LOCK id=b 200
		119000..119001 FORCE 200
		119002..119003 LOCK id=c 200`,
	"a repeat that hides the holder": `
		0..1 LOCK id=a 200
		2..3 FORCE 200
		4..5 LOCK id=b 200
		9000..9001 FORCE 200
		9002..9003 LOCK id=c 423 holder=b`,
	"a forced release refused for nothing": `
		0..1 LOCK id=a 200
		2..3 FORCE 409 holder=a`,
	"a forced release after 120 s that frees nothing": `
		0..1 LOCK id=a 200
		2..3 FORCE 200
		4..5 LOCK id=b 200
		121000..121001 FORCE 200
		121002..121003 LOCK id=c 423 holder=b`,
	"a forced release of a free state starts no time of repeats": `
		0..1 FORCE 200
		2..3 LOCK id=a 200
		4..5 FORCE 200
		6..7 LOCK id=b 423 holder=a`,
	"an answer that is not in the contract": `
		0..1 GET 500`,
	"a real-time order broken": `
		0..1 POST serial=1 doc=x 200
		2..3 POST serial=2 doc=y 200
		4..5 GET doc=y 200
		6..7 GET doc=x 200`,
}

func TestLawfulHistoriesPass(t *testing.T) {
	for name, history := range lawful {
		if result := resultOf(t, history); result != porcupine.Ok {
			t.Errorf("%s: %s", name, result)
		}
	}
}

func TestUnlawfulHistoriesAreRejected(t *testing.T) {
	for name, history := range unlawful {
		if result := resultOf(t, history); result != porcupine.Illegal {
			t.Errorf("%s: %s", name, result)
		}
	}
}

// Each answer of a lawful history, changed to another one, must matter to the checker somewhere:
// this finds rows of the contract that the model does not hold anybody to.
func TestChangedAnswersAreRejected(t *testing.T) {
	rejected := map[string]bool{}
	for _, history := range lawful {
		lines := strings.Split(strings.TrimSpace(history), "\n")
		for i, line := range lines {
			for _, status := range []string{"200", "404", "409", "410", "423", "400", "500"} {
				r := parse(t, line)
				from := fmt.Sprint(r.Status)
				if from == status || r.Unknown() {
					continue
				}
				changed := append([]string{}, lines...)
				changed[i] = strings.Replace(line, " "+from, " "+status, 1)
				if resultOf(t, strings.Join(changed, "\n")) == porcupine.Illegal {
					rejected[string(r.Kind)+" "+from+" "+status] = true
				}
			}
		}
	}
	for _, was := range []string{"LOCK 200", "LOCK 423", "LOCK 410", "UNLOCK 200", "UNLOCK 409",
		"FORCE 200", "FORCE 409", "POST 200", "POST 409", "GET 200", "GET 404"} {
		for _, status := range []string{"200", "404", "409", "410", "423", "400", "500"} {
			if !strings.HasSuffix(was, status) && !rejected[was+" "+status] {
				t.Errorf("%s changed to %s is never rejected", was, status)
			}
		}
	}
}
