package main

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// An operation of unknown outcome may have its effect long after its client gave up, or never. To
// give it to Porcupine as one that stays open to the end is right but hopeless: the orders to try
// double with each. So it only joins a set of pending operations, and a pending operation takes
// effect when that helps to explain an answer.

// world is one thing that may be true at a moment.
type world struct {
	s       state
	pending string // bit set: unknown operations that may still take effect
}

// history is what the steps need to know of all operations of one state.
type history struct {
	ids, shas names
	unknown   []*operation  // a bit in world.pending each
	lastNamed map[int]int64 // lock ID: when the last operation that names it ended
	late      int64         // a request has no effect later than that after it was sent (ns)
	writes    []*operation  // with an answer, by the time they were sent
	latest    []int64       // of writes: when it, or one that was sent before it, was answered
	first     state
}

// names gives each name a number, from 1.
type names []string

func (n *names) number(name string) int {
	if name == "" {
		return 0
	}
	if i := slices.Index(*n, name); i >= 0 {
		return i + 1
	}
	*n = append(*n, name)
	return len(*n)
}

// prepare turns the records of one state into what Porcupine checks.
func prepare(records []Record, rules Rules) (*history, []porcupine.Operation) {
	records = slices.Clone(records)
	slices.SortFunc(records, func(a, b Record) int { return cmp.Compare(a.Call, b.Call) })
	var lineages names
	h := &history{lastNamed: map[int]int64{}, late: rules.Late.Nanoseconds(),
		first: initialState(rules.ArriveLate)}
	var ops []porcupine.Operation
	for i := range records {
		r := &records[i]
		if r.Unknown() && r.Kind == Get {
			continue // says nothing
		}
		op := &operation{record: r, id: h.ids.number(r.ID), holder: h.ids.number(r.Holder),
			sha: h.shas.number(r.SHA), lineage: lineages.number(r.Lineage),
			call: r.Call, ret: r.Return, unknown: r.Unknown(), giveBack: rules.GiveBack}
		if op.unknown {
			op.bit = len(h.unknown)
			h.unknown = append(h.unknown, op)
		} else if r.Kind == Post {
			h.addWrite(op)
		}
		op.near(records)
		h.lastNamed[op.id] = max(h.lastNamed[op.id], op.ret)
		h.lastNamed[op.holder] = max(h.lastNamed[op.holder], op.ret)
		ops = append(ops, porcupine.Operation{ClientId: r.Client, Input: op, Call: op.call,
			Return: op.ret})
	}
	return h, ops
}

func (h *history) addWrite(op *operation) {
	latest := op.ret
	if n := len(h.latest); n > 0 {
		latest = max(latest, h.latest[n-1])
	}
	h.writes, h.latest = append(h.writes, op), append(h.latest, latest)
}

// since is when the first of the writes was sent that end at `now` or later: those that are still to
// be explained are among them.
func (h *history) since(now int64) int64 {
	if i, _ := slices.BinarySearch(h.latest, now); i < len(h.writes) {
		return h.writes[i].call
	}
	return math.MaxInt64
}

// near notes what else was under way at some time of op. `records` are by their call.
func (op *operation) near(records []Record) {
	for i := range records {
		r := &records[i]
		if r.Call > op.ret {
			return
		}
		// One of unknown outcome may have its effect much later.
		if r.Return >= op.call || r.Unknown() {
			op.nearShut = op.nearShut || r.Kind == Shut
			op.nearReopen = op.nearReopen || r.Kind == Reopen
		}
		if op.giveBack && r.Return >= op.call {
			named := op.record.Holder == "" || op.record.Holder == r.ID
			op.nearLock = op.nearLock || isLock(r.Kind) && named && r != op.record
			op.nearForce = op.nearForce || r.Kind == Force && r.Status != 409
		}
	}
}

func (h *history) step(worlds []world, op *operation) []world {
	var next []world
	for _, w := range worlds {
		if op.unknown {
			w.pending = with(w.pending, op.bit)
			if op.record.Kind == Unlock && !w.s.holds(op.id) {
				w.s = w.s.unlock(op)[0] // its ID may be remembered from now on
			}
			next = append(next, w)
		} else {
			next = append(next, h.explain(h.tidy(w, op), op)...)
		}
	}
	return h.merge(next)
}

// explain lists the worlds after op, with as many pending operations before it as can matter.
func (h *history) explain(w world, op *operation) []world {
	var after []world
	seen := map[world]bool{w: true}
	for queue := []world{w}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		var here []world
		for _, s := range at.s.step(op) {
			here = append(here, h.tidy(world{s, at.pending}, op))
		}
		after = append(after, here...)
		// What may happen before an operation that changes nothing may as well happen after it,
		// unless it is what makes the operation change something: a lock to be freed.
		frees := op.record.Kind == Force || op.record.Kind == Unlock &&
			op.record.Status == 200 && !has(at.s.released, op.id)
		if len(here) == 1 && here[0] == at && !frees {
			continue
		}
		for _, n := range h.effects(at, op) {
			if !seen[n] {
				seen[n] = true
				queue = append(queue, n)
			}
		}
	}
	return after
}

// effects lists the worlds in which one pending operation has taken effect, before op.
func (h *history) effects(w world, op *operation) []world {
	var after []world
	for _, s := range w.s.letSoft(op) {
		after = append(after, h.tidy(world{s, w.pending}, op))
	}
	seen := map[string]bool{}
	for i, u := range h.unknown {
		if !has(w.pending, i) {
			continue
		}
		// Of those that differ in nothing but their age, the oldest goes first.
		like := h.like(w, i, op)
		if seen[like] {
			continue
		}
		seen[like] = true
		happened := *u
		happened.ret = op.ret // at the latest
		for _, s := range w.s.step(&happened) {
			n := h.tidy(world{s, without(w.pending, i)}, op)
			if n.s != w.s {
				after = append(after, n)
			}
		}
	}
	return after
}

// like is equal for pending operations that may stand in for each other before op: they ask for the
// same, or for a lock with an ID that nothing else names that can still happen.
func (h *history) like(w world, bit int, op *operation) string {
	u := h.unknown[bit]
	nameless := isLock(u.record.Kind) && h.lastNamed[u.id] < op.call
	for i, other := range h.unknown {
		if i != bit && other.id == u.id && has(w.pending, i) && !isLock(other.record.Kind) {
			nameless = false
		}
	}
	if nameless {
		return string(u.record.Kind)
	}
	return fmt.Sprint(u.record.Kind, u.id, u.sha)
}

// tidy forgets what makes no difference any more, so that equal worlds look equal.
func (h *history) tidy(w world, op *operation) world {
	for i, u := range h.unknown {
		if has(w.pending, i) && (w.s.tooLate(u) || op.call > u.call+h.late) {
			w.pending = without(w.pending, i)
		}
	}
	w.pending = strings.TrimRight(w.pending, "\x00")
	w.s.released = h.named(w.s.released, op)
	w.s.maybeReleased = h.named(w.s.maybeReleased, op)
	w.s.late = w.s.late.tidy(h.since(op.call), func(id int, until int64) bool {
		for i, u := range h.unknown {
			if u.id == id && u.record.Kind == Post && u.call <= until && has(w.pending, i) {
				return true
			}
		}
		return false
	})
	return w
}

// named keeps the lock IDs that operations after op may name.
func (h *history) named(set string, op *operation) string {
	for i := 0; i < 8*len(set); i++ {
		if has(set, i) && h.lastNamed[i] < op.call {
			set = without(set, i)
		}
	}
	return strings.TrimRight(set, "\x00")
}

// merge drops worlds that are equal to another one, or less likely to explain what follows.
func (h *history) merge(worlds []world) []world {
	var kept []world
	for i, w := range worlds {
		needed := true
		for j, other := range worlds {
			if i != j && other.covers(w) && (j < i || !w.covers(other)) {
				needed = false
				break
			}
		}
		if needed {
			kept = append(kept, w)
		}
	}
	return kept
}

// covers is true when w explains whatever follows that other does.
func (w world) covers(other world) bool {
	// The less is known of when a release was forced, the more may happen to the next one.
	if other.s.forceCall >= w.s.forceCall && w.s.forceCall >= 0 &&
		other.s.forceReturn <= w.s.forceReturn {
		other.s.forceCall, other.s.forceReturn = w.s.forceCall, w.s.forceReturn
	}
	if w.s.late.covers(other.s.late) {
		other.s.late = w.s.late
	}
	if w.s != other.s || len(other.pending) > len(w.pending) {
		return false
	}
	for i := range other.pending {
		if other.pending[i]&^w.pending[i] != 0 {
			return false
		}
	}
	return true
}

var hashSeed = maphash.MakeSeed()

// model makes Porcupine's model of one state; Porcupine's state is the list of worlds that the
// answers so far leave open.
func (h *history) model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return []world{{s: h.first}} },
		Step: func(worlds, input, _ any) (bool, any) {
			next := h.step(worlds.([]world), input.(*operation))
			return len(next) > 0, next
		},
		Equal: func(a, b any) bool { return sameWorlds(a.([]world), b.([]world)) },
		Hash: func(worlds any) uint64 {
			sum := uint64(0)
			for _, w := range worlds.([]world) {
				sum += maphash.Comparable(hashSeed, w)
			}
			return sum
		},
		DescribeOperation: func(input, _ any) string { return input.(*operation).record.String() },
		DescribeState: func(worlds any) string {
			var all []string
			for _, w := range worlds.([]world) {
				all = append(all, h.describe(w))
			}
			return strings.Join(all, "; or ")
		},
	}
}

// Neither list holds a world twice.
func sameWorlds(a, b []world) bool {
	if len(a) != len(b) {
		return false
	}
	for _, w := range a {
		if !slices.Contains(b, w) {
			return false
		}
	}
	return true
}

func (h *history) describe(w world) string {
	holder := "free"
	if w.s.plans != "" {
		holder = "held by plans"
	}
	if w.s.holder != 0 {
		holder = "held by " + short(h.ids[w.s.holder-1])
	}
	document := "no version"
	if w.s.sha != 0 {
		document = fmt.Sprintf("serial %d #%s", w.s.serial, short(h.shas[w.s.sha-1]))
	}
	pending := 0
	for i := range h.unknown {
		if has(w.pending, i) {
			pending++
		}
	}
	if w.s.shut {
		holder += ", shut"
	}
	return fmt.Sprintf("%s, %s, %d may still happen", holder, document, pending)
}
