// Command prove-locks drives a running Stateward with many clients at once, writes down what each of
// them saw, and lets Porcupine decide whether the contract of locks and guarded writes explains it.
//
// It exits with 0 only if it does for every state, and if the history says enough to mean it.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

type options struct {
	url, project, user, password    string
	clients, states, ops            int
	duration, timeout, settle       time.Duration
	checkLimit                      time.Duration
	rules                           Rules
	seed                            uint64
	plans, maintenance              bool
	history, drawing, check         string
	nemesis                         string
	nemesisShortest, nemesisLongest time.Duration
}

func parseOptions() (o options, err error) {
	flag.StringVar(&o.url, "url", "http://127.0.0.1:8080", "where the web server listens")
	flag.StringVar(&o.project, "project", "prove", "project of the states")
	flag.StringVar(&o.user, "user", "basic", "user name")
	flag.StringVar(&o.password, "password", os.Getenv("PROVE_LOCKS_PASSWORD"),
		"password (PROVE_LOCKS_PASSWORD)")
	flag.IntVar(&o.clients, "clients", 10, "clients at work at once")
	flag.IntVar(&o.states, "states", 5, "states they share")
	flag.IntVar(&o.ops, "ops", 5000, "operations in all; for more than some 20,000 make more runs")
	flag.DurationVar(&o.duration, "duration", 30*time.Second, "time over which they are spread")
	flag.DurationVar(&o.timeout, "timeout", 5*time.Second, "after which a client gives up an answer")
	flag.DurationVar(&o.settle, "settle", 30*time.Second, "for the server to answer after the run")
	flag.DurationVar(&o.checkLimit, "check-limit", 5*time.Minute, "for checking one state")
	flag.DurationVar(&o.rules.Late, "late", time.Minute,
		"after it was sent, a request has no effect later than that")
	flag.BoolVar(&o.rules.ArriveLate, "arrive-late", false,
		"lock and storage are two services: a write may land after its lock was released")
	flag.Uint64Var(&o.seed, "seed", 0, "of the choices; 0: a new one")
	flag.StringVar(&o.history, "history", "", "file to write the history to, as JSON lines")
	flag.StringVar(&o.drawing, "drawing", "prove-locks.html", "page to write if the result is not Ok")
	flag.StringVar(&o.check, "check", "", "check the history of this file; nothing is run")
	flag.StringVar(&o.nemesis, "nemesis-cmd", "", "shell command that is run again and again")
	flag.DurationVar(&o.nemesisShortest, "nemesis-min", 50*time.Millisecond, "shortest pause before it")
	flag.DurationVar(&o.nemesisLongest, "nemesis-max", 400*time.Millisecond, "longest pause before it")
	flag.BoolVar(&o.plans, "plans", false,
		"take plan locks, too: for a server with PLAN_LOCKS=shared and PLAN_LOCKS_WRITER_WAIT=0")
	flag.BoolVar(&o.rules.GiveBack, "give-back", false,
		"the lock is s3: others may see one that is given back")
	flag.BoolVar(&o.maintenance, "maintenance", false,
		"give the states a maintenance now and then: for an administrator of the store")
	flag.Parse()
	if flag.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q", flag.Arg(0))
	}
	if o.clients < 1 || o.states < 1 || o.ops < 1 || o.nemesisLongest < o.nemesisShortest {
		return o, fmt.Errorf("a number is out of range")
	}
	if base, err := url.Parse(o.url); err != nil || base.Host == "" {
		return o, fmt.Errorf("not a URL: %q", o.url)
	}
	if o.seed == 0 {
		o.seed = rand.Uint64N(1_000_000_000)
	}
	return o, nil
}

func main() {
	o, err := parseOptions()
	if err == nil {
		err = prove(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "prove-locks:", err)
		os.Exit(1)
	}
}

func prove(o options) error {
	records, weak, err := collect(o)
	if err != nil {
		return err
	}
	if len(records) == 0 {
		return cmp.Or(weak, errors.New("an empty history"))
	}
	summarize(records)
	began := time.Now()
	verdict := Check(records, o.checkLimit, o.rules)
	fmt.Printf("checked in %.1f s\n", time.Since(began).Seconds())
	if verdict.Result != porcupine.Ok {
		verdict.Explain(os.Stdout)
		if err := verdict.Draw(o.drawing); err != nil {
			fmt.Fprintln(os.Stderr, "prove-locks:", err)
		} else {
			fmt.Printf("drawn in %s\n", o.drawing)
		}
	}
	states := map[string]bool{}
	for i := range records {
		states[records[i].State] = true
	}
	fmt.Printf("prove-locks: %d operations, %d states, result %s, seed %d\n", len(records),
		len(states), verdict.Result, o.seed)
	if verdict.Result != porcupine.Ok {
		return fmt.Errorf("result is %s", verdict.Result)
	}
	return weak
}

// collect returns a history, and why it proves nothing if it does not (weak).
func collect(o options) (records []Record, weak, err error) {
	if o.check != "" {
		file, err := os.Open(o.check)
		if err != nil {
			return nil, nil, err
		}
		defer file.Close()
		records, err = ReadHistory(file)
		return records, nil, err
	}
	records, weak = run(o)
	if o.history != "" {
		file, err := os.Create(o.history)
		if err != nil {
			return nil, nil, err
		}
		if err = WriteHistory(file, records); err == nil {
			err = file.Close()
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return records, weak, nil
}

// run returns an error when what it recorded proves nothing.
func run(o options) ([]Record, error) {
	base := strings.TrimRight(o.url, "/") + "/state/" + url.PathEscape(o.project)
	w := Workload{History: &History{}, Clients: o.clients, Total: o.ops, Duration: o.duration,
		Seed: o.seed, Plans: o.plans, Maintenance: o.maintenance,
		Client: NewClient(base, o.user, o.password, o.clients, o.timeout)}
	for i := range o.states {
		// New names: nothing is known of states of an earlier run.
		w.States = append(w.States, fmt.Sprintf("s%d-%d-%d", o.seed, time.Now().UnixMilli(), i))
	}
	if first, _ := w.Client.Do(0, Request{State: w.States[0], Kind: Get}); first.Status != 404 {
		return nil, fmt.Errorf("GET of a new state: %d %s, should be 404", first.Status, first.Note)
	}
	nemesis := Nemesis{Command: o.nemesis, Shortest: o.nemesisShortest, Longest: o.nemesisLongest}
	working, done := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if o.nemesis != "" {
			nemesis.Run(working, rand.New(rand.NewPCG(o.seed, 1<<32)))
		}
	}()
	began := time.Now()
	w.Run()
	fmt.Printf("ran for %.1f s\n", time.Since(began).Seconds())
	done()
	<-ended
	settled := w.Settle(o.settle)
	if o.nemesis != "" {
		fmt.Printf("nemesis: %d runs, %d of them failed\n", nemesis.Runs, nemesis.Failures)
	}
	records := w.History.Records()
	switch {
	case !settled:
		return records, fmt.Errorf("no answer from the server within %s after the run", o.settle)
	case o.nemesis != "" && nemesis.Failures*2 >= nemesis.Runs:
		return records, fmt.Errorf("the nemesis failed %d of %d times", nemesis.Failures, nemesis.Runs)
	}
	return records, weakness(records)
}

// weakness says which answers a history of some length must hold to mean anything.
func weakness(records []Record) error {
	const fromLength = 1000
	if len(records) < fromLength {
		return nil
	}
	seen := answers(records)
	wanted := []string{"LOCK 200", "LOCK 423", "LOCK 410", "POST 200", "POST 409", "GET 200",
		"UNLOCK 200", "UNLOCK 409", "FORCE 200", "FORCE 409"}
	if seen["PLAN 200"] > 0 {
		wanted = append(wanted, "PLAN 423")
	}
	if seen["SHUT 200"] > 0 {
		wanted = append(wanted, "REOPEN 200", "LOCK 423 shut")
	}
	for _, want := range wanted {
		if seen[want] == 0 {
			return fmt.Errorf("the history holds no %s", want)
		}
	}
	unknown := 0
	for i := range records {
		if records[i].Unknown() {
			unknown++
		}
	}
	if unknown*2 > len(records) {
		return fmt.Errorf("%d of %d operations got no answer", unknown, len(records))
	}
	return nil
}

func answers(records []Record) map[string]int {
	seen := map[string]int{}
	for i := range records {
		what := fmt.Sprintf("%s %d", records[i].Kind, records[i].Status)
		if records[i].Holder == shutSentence {
			what += " shut"
		}
		seen[what]++
	}
	return seen
}

func summarize(records []Record) {
	seen := answers(records)
	var lines []string
	for what, count := range seen {
		lines = append(lines, fmt.Sprintf("%s: %d", what, count))
	}
	sort.Strings(lines)
	fmt.Println(strings.Join(lines, ", "))
}
