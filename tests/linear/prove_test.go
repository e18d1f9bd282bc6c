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
		Duration: duration, Seed: seed, Plans: d.bug == "" || strings.Contains(d.bug, "plan")}
	w.Run()
	if !w.Settle(10 * time.Second) {
		t.Fatal("the double does not answer")
	}
	return w.History.Records()
}

func TestACorrectServerPasses(t *testing.T) {
	records := drive(t, newDouble("", 1), 5000, 0, 5*time.Second, 1)
	if verdict := Check(records, time.Minute, time.Minute); verdict.Result != porcupine.Ok {
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
	verdict := Check(records, time.Minute, time.Minute)
	if verdict.Result != porcupine.Ok {
		t.Errorf("result %s", verdict.Result)
		verdict.Explain(t.Output())
	}
	if err := weakness(records); err != nil {
		t.Error(err)
	}
	t.Log(answers(records))
}

func TestEachBugIsCaught(t *testing.T) {
	for seed, bug := range []string{
		"false absence", "old version read", "lock resurrected", "repeated lock refused",
		"two holders", "lock lost", "released not remembered", "unlock without effect",
		"unlock by anybody", "repeated unlock frees", "repeated force frees", "repeated force hidden", "force without effect",
		"write past the lock", "late write accepted", "lineage ignored", "serial ignored", "write lost",
		"plan beside a writer", "writer beside plans", "plan not released", "write beside plans",
	} {
		t.Run(bug, func(t *testing.T) {
			t.Parallel()
			d := newDouble(bug, uint64(seed))
			d.badly, d.late = true, 600*time.Millisecond
			records := drive(t, d, 3000, 0, 200*time.Millisecond, uint64(seed))
			if verdict := Check(records, time.Minute, time.Minute); verdict.Result != porcupine.Illegal {
				t.Errorf("result %s", verdict.Result)
			}
		})
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
