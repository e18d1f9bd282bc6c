package main

import (
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

func drive(t *testing.T, d *double, ops int, duration, timeout time.Duration, seed uint64) []Record {
	t.Helper()
	server := httptest.NewUnstartedServer(d)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	defer server.Close()
	w := Workload{Client: NewClient(server.URL+"/state/p", "basic", "secret", 10, timeout),
		History: &History{}, States: []string{"a", "b", "c", "d", "e"}, Clients: 10, Total: ops,
		Duration: duration, Seed: seed, Plans: d.bug == "" || strings.Contains(d.bug, "plan"),
		Maintenance: d.bug == "" || strings.Contains(d.bug, "maintenance")}
	w.Run()
	if !w.Settle(10 * time.Second) {
		t.Fatal("the double does not answer")
	}
	return w.History.Records()
}

func TestACorrectServerPasses(t *testing.T) {
	records := drive(t, newDouble("", 1), 5000, 0, 5*time.Second, 1)
	if verdict := Check(records, time.Minute, strict); verdict.Result != porcupine.Ok {
		t.Errorf("result %s", verdict.Result)
	}
	if err := weakness(records); err != nil {
		t.Error(err)
	}
}

// Answers get lost before and after their effect, and effects come after the client has gone.
func TestACorrectServerWithBadLuckPasses(t *testing.T) {
	d := newDouble("", 2)
	d.badly, d.late = true, 600*time.Millisecond
	records := drive(t, d, 5000, 11*time.Second, 200*time.Millisecond, 2)
	verdict := Check(records, time.Minute, strict)
	if verdict.Result != porcupine.Ok {
		t.Errorf("result %s", verdict.Result)
		verdict.Explain(t.Output())
	}
	if err := weakness(records); err != nil {
		t.Error(err)
	}
	t.Log(answers(records))
}

// A write of two steps is found to be none of one, and nothing more is wrong with it.
func TestALateWriteIsLawfulWhereLockAndStorageAreApart(t *testing.T) {
	d := newDouble("", 3)
	d.badly, d.apart, d.late = true, true, 600*time.Millisecond
	records := drive(t, d, 6000, 0, 200*time.Millisecond, 3)
	verdict := Check(records, time.Minute, apart)
	if verdict.Result != porcupine.Ok {
		t.Errorf("result %s", verdict.Result)
		verdict.Explain(t.Output())
	}
	if verdict := Check(records, time.Minute, strict); verdict.Result != porcupine.Illegal {
		t.Errorf("by the strict rules: result %s", verdict.Result)
	}
}

func TestEachBugIsCaught(t *testing.T) {
	for seed, bug := range []string{
		"false absence", "old version read", "lock resurrected", "repeated lock refused",
		"two holders", "lock lost", "released not remembered", "unlock without effect",
		"unlock by anybody", "repeated unlock frees", "repeated force frees", "repeated force hidden", "force without effect",
		"write past the lock", "late write accepted", "lineage ignored", "serial ignored", "write lost",
		"plan beside a writer", "writer beside plans", "plan not released", "write beside plans",
		"lock in a maintenance", "maintenance without effect",
	} {
		t.Run(bug, func(t *testing.T) { isCaught(t, bug, uint64(seed), strict) })
	}
	// By the rules that allow more, too.
	for seed, bug := range []string{"two holders", "late write accepted", "write lost",
		"writer beside plans", "write beside plans", "lock in a maintenance"} {
		t.Run(bug+", apart", func(t *testing.T) { isCaught(t, bug, uint64(seed), apart) })
	}
}

func isCaught(t *testing.T, bug string, seed uint64, rules Rules) {
	t.Parallel()
	d := newDouble(bug, seed)
	d.badly, d.apart, d.late = true, rules.ArriveLate, 600*time.Millisecond
	records := drive(t, d, 3000, 0, 200*time.Millisecond, seed)
	if verdict := Check(records, time.Minute, rules); verdict.Result != porcupine.Illegal {
		t.Errorf("result %s", verdict.Result)
	}
}

func TestAHistoryIsReadAsItWasWritten(t *testing.T) {
	records := drive(t, newDouble("", 3), 200, 0, time.Second, 3)
	var file bytes.Buffer
	if err := WriteHistory(&file, records); err != nil {
		t.Fatal(err)
	}
	again, err := ReadHistory(&file)
	if err != nil || !reflect.DeepEqual(records, again) {
		t.Errorf("differs, or error %v", err)
	}
}
