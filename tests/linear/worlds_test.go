package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// checkOpen checks the textbook way: an operation of unknown outcome stays open to the end, and is
// given to Porcupine as one. Right, but too slow for more than some operations.
func checkOpen(records []Record) porcupine.CheckResult {
	_, ops := prepare(records, Rules{Late: time.Hour})
	for i := range ops {
		if op := ops[i].Input.(*operation); op.unknown {
			op.ret, ops[i].Return = 3000, math.MaxInt64 // 3000: after all, and within forceRepeat
		}
	}
	nondeterministic := porcupine.NondeterministicModel{
		Init: func() []any { return []any{initialState(false)} },
		Step: func(s, input, _ any) (next []any) {
			for _, n := range s.(state).step(input.(*operation)) {
				next = append(next, n)
			}
			return next
		},
	}
	return porcupine.CheckOperationsTimeout(nondeterministic.ToModel(), ops, time.Minute)
}

// randomHistory makes a lawful history of a few names, so that they meet, and then often changes an
// answer of it. Each operation takes effect somewhere in its time, one of unknown outcome later too.
func randomHistory(random *rand.Rand) []Record {
	type planned struct {
		effect int64
		Record
	}
	var plan []planned
	for i := range 6 + random.IntN(8) {
		p := planned{effect: 1000 + random.Int64N(1000)} // no call before 0
		p.Client, p.State = i, "s"
		p.Kind = []Kind{Get, Lock, Lock, Plan, Unlock, Unlock, Force, Post, Post, Shut, Reopen}[random.IntN(11)]
		if isLock(p.Kind) || p.Kind == Unlock || p.Kind == Post && random.IntN(3) > 0 {
			p.ID = string(rune('a' + random.IntN(3)))
		}
		if p.Kind == Post {
			p.Serial, p.Lineage = uint64(1+random.IntN(3)), "L"
			p.SHA = fmt.Sprint("doc", p.Serial, random.IntN(2))
		}
		p.Call, p.Return = p.effect-random.Int64N(150), p.effect+random.Int64N(150)
		if random.IntN(3) == 0 {
			p.Status = 503
			p.Call -= random.Int64N(300)
			p.Return = p.Call + random.Int64N(100)
		}
		plan = append(plan, p)
	}
	slices.SortFunc(plan, func(a, b planned) int { return int(a.effect - b.effect) })
	s := initialState(false)
	var ids, shas names
	var records []Record
	for _, p := range plan {
		r := p.Record
		s = answer(random, s, &r, &ids, &shas)
		records = append(records, r)
	}
	for range random.IntN(3) {
		r := &records[random.IntN(len(records))]
		if !r.Unknown() {
			r.Status = []int{200, 404, 409, 410, 423}[random.IntN(5)]
			if r.Status == 423 {
				r.Holder = string(rune('a' + random.IntN(3)))
			}
		}
	}
	return records
}

// answer gives r an answer that the contract allows in s, unless it is of unknown outcome, and
// returns what follows.
func answer(random *rand.Rand, s state, r *Record, ids, shas *names) state {
	op := &operation{record: r, id: ids.number(r.ID), holder: s.holder, sha: shas.number(r.SHA),
		lineage: len(r.Lineage), call: r.Call, ret: r.Return, unknown: r.Status == 503}
	if r.Kind == Get {
		op.sha = s.sha
	}
	next := s.step(op)
	for len(next) == 0 {
		r.Status = []int{200, 403, 404, 409, 410, 423}[random.IntN(6)]
		r.Holder = ""
		if r.Status == 423 && s.shut {
			r.Holder = shutSentence
		}
		next = s.step(op)
	}
	if r.Kind == Get && r.Status == 200 {
		r.SHA = (*shas)[s.sha-1]
	}
	if r.Status == 423 && !s.shut && s.holder != 0 {
		r.Holder = (*ids)[s.holder-1]
	}
	return next[random.IntN(len(next))]
}

// The short cuts of worlds.go must not change a result.
func TestWorldsAgreeWithOpenOperations(t *testing.T) {
	count := map[porcupine.CheckResult]int{}
	for seed := range uint64(4000) {
		records := randomHistory(rand.New(rand.NewPCG(seed, 0)))
		want := checkOpen(records)
		got := Check(records, time.Minute, Rules{Late: time.Hour}).Result
		count[want]++
		if got != want {
			t.Errorf("seed %d: %s, should be %s", seed, got, want)
			for i := range records {
				t.Logf("%4d..%4d %s", records[i].Call, records[i].Return, &records[i])
			}
			return
		}
	}
	if count[porcupine.Ok] < 1000 || count[porcupine.Illegal] < 1000 {
		t.Errorf("one-sided: %v", count)
	}
}
