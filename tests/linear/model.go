package main

import (
	"strings"
	"time"
)

// A forced release within this time of the last one may be its repeat: it frees nothing, 200 when
// the state is free and 409 with the holder when it is not.
const forceRepeat = 120 * time.Second

// The server's clock and ours are not read at the same moment, and its clock may be slewed: this
// close to the limit both outcomes are right.
const forceSlack = 500 * time.Millisecond

// state is what the contract says about one stored state at one moment. Names are numbers given by
// a namer (0 = none), so that states are compared and hashed by value.
type state struct {
	holder   int    // lock ID of a writer
	plans    string // bit set of the lock IDs of plans that hold it; then there is no holder
	released string // bit set of lock IDs that are remembered as released
	// IDs of UNLOCK requests that met a free state: a server may remember them or not.
	maybeReleased string
	sha           int // of the newest version; 0: there is none
	lineage       int
	serial        uint64
	// When the last forced release that freed something was asked and answered (ns); -1: never.
	forceCall, forceReturn int64
	shut                   bool // by a maintenance: no lock is given, and no write without one passes
	late                   late // where a write may arrive late
	// With Rules.GiveBack: lock IDs that are held, but whose LOCK was not answered 200: a repeat may
	// give the lock back.
	soft string
}

func initialState(arriveLate bool) state {
	return state{forceCall: -1, late: late{may: arriveLate}}
}

// operation is a Record with its names replaced by numbers.
type operation struct {
	record          *Record
	id, holder, sha int
	lineage         int
	call, ret       int64
	unknown         bool
	bit             int // of an unknown one: its number in history.unknown
	// What else was under way at some time of it: a `maintenance set` or `end`; and with
	// Rules.GiveBack a LOCK (the one that this answer names), and a forced release.
	nearShut, nearReopen, nearLock, nearForce bool
	giveBack                                  bool // Rules.GiveBack
}

func (op *operation) met() bool { return op.record.Holder == shutSentence }

func has(set string, i int) bool { return i/8 < len(set) && set[i/8]&(1<<(i%8)) != 0 }

func with(set string, i int) string {
	size := max(len(set), i/8+1)
	bits := make([]byte, size)
	copy(bits, set)
	bits[i/8] |= 1 << (i % 8)
	return string(bits)
}

func without(set string, i int) string {
	if !has(set, i) {
		return set
	}
	bits := []byte(set)
	bits[i/8] &^= 1 << (i % 8)
	return string(bits)
}

func (s state) free() bool { return s.holder == 0 && s.plans == "" }

func (s state) holds(id int) bool { return id != 0 && (s.holder == id || has(s.plans, id)) }

// freed is what is left when op releases the lock with this ID.
func (s state) freed(id int, op *operation) state {
	s.released = with(s.released, id)
	return s.let(id, op)
}

// letSoft lists the states in which one of the soft locks was given back, before op.
func (s state) letSoft(op *operation) (after []state) {
	for id := 1; id < 8*len(s.soft); id++ {
		if has(s.soft, id) {
			after = append(after, s.let(id, op))
		}
	}
	return after
}

// let is what is left when the lock with this ID is held no more.
func (s state) let(id int, op *operation) state {
	s.soft = strings.TrimRight(without(s.soft, id), "\x00")
	if s.holder == id {
		s.holder = 0
		s.late = s.late.leave(id, op)
	}
	s.plans = strings.TrimRight(without(s.plans, id), "\x00")
	return s
}

// freedAll is what is left when whatever is held is released.
func (s state) freedAll(op *operation) state {
	if s.holder != 0 {
		s = s.freed(s.holder, op)
		s.late.forced = s.late.may
		return s
	}
	for id := 0; id < 8*len(s.plans); id++ {
		if has(s.plans, id) {
			s = s.freed(id, op)
		}
	}
	return s
}

// shows is true when a refusal may name this holder: a writer, one plan, or no ID for several.
func (s state) shows(holder int) bool {
	if s.holder != 0 {
		return holder == s.holder
	}
	return holder == 0 || has(s.plans, holder)
}

// step lists the states that may follow when op gets its answer in s: none if the contract forbids
// that answer. An operation of unknown outcome may leave s as it is, or have its effect.
func (s state) step(op *operation) []state {
	switch op.record.Kind {
	case Get:
		return s.get(op)
	case Lock, Plan:
		return s.lock(op)
	case Unlock:
		return s.unlock(op)
	case Force:
		return s.force(op)
	case Post:
		return s.post(op)
	case Shut, Reopen:
		return s.gate(op)
	}
	return nil
}

func (s state) gate(op *operation) []state {
	after := s
	after.shut = op.record.Kind == Shut
	if after.shut && !s.shut && s.free() {
		after.late = s.late.leave(0, op)
	}
	switch {
	case op.unknown:
		return []state{s, after}
	case op.record.Status == 200 && (s.shut || after.shut):
		return []state{after}
	case op.record.Status == 404 && !s.shut && !after.shut:
		return []state{s}
	}
	return nil
}

func (s state) get(op *operation) []state {
	switch {
	case op.unknown,
		op.record.Status == 200 && s.sha != 0 && s.sha == op.sha,
		op.record.Status == 404 && s.sha == 0:
		return []state{s}
	}
	return nil
}

func (s state) lock(op *operation) []state {
	id, released := op.id, has(s.released, op.id)
	forgotten, remembered := s, s // how an UNLOCK that met a free state was taken, now known
	forgotten.maybeReleased = without(s.maybeReleased, id)
	remembered.maybeReleased = forgotten.maybeReleased
	remembered.released = with(s.released, id)
	granted := forgotten
	granted.late = s.late.grant(s.free(), op)
	free := s.free() && !released
	if op.record.Kind == Plan {
		granted.plans = with(s.plans, id)
		free = s.holder == 0 && !released
	} else {
		granted.holder = id
	}
	// A writer's LOCK with the ID of a plan takes nothing.
	if op.unknown && op.giveBack {
		granted.soft = with(s.soft, id)
	}
	mine := s.holder == id || op.record.Kind == Plan && has(s.plans, id)
	switch {
	case op.unknown && free && !mine && !s.shut:
		return []state{s, granted}
	case op.unknown:
		return []state{s}
	case op.record.Status == 200 && mine:
		s.late = s.late.complete()
		s.soft = strings.TrimRight(without(s.soft, id), "\x00")
		return []state{s}
	case op.record.Status == 200 && free && !s.shut:
		return []state{granted}
	case op.record.Status == 423 && !mine && !released && (s.shut && op.met() ||
		// It was there to be seen, and given back.
		op.nearLock && !op.met()):
		return []state{forgotten}
	case op.record.Status == 423 && !s.shut && !free && !mine && !s.free() && s.shows(op.holder) && !released:
		return []state{forgotten}
	case op.record.Status == 410 && !s.holds(id) &&
		(released || has(s.maybeReleased, id) || op.nearForce):
		return []state{remembered}
	}
	return nil
}

func (s state) unlock(op *operation) []state {
	id, released := op.id, has(s.released, op.id)
	after := s // what a 200 leaves behind
	accepted := true
	switch {
	case s.holds(id):
		after = s.freed(id, op)
	case released:
	case s.free():
		after.maybeReleased = with(s.maybeReleased, id)
	case has(s.maybeReleased, id):
		after.released = with(s.released, id)
		after.maybeReleased = without(s.maybeReleased, id)
	default:
		accepted = false
	}
	switch {
	case op.unknown && s.holds(id):
		return []state{s, after}
	case op.unknown && !released:
		s.maybeReleased = with(s.maybeReleased, id) // "maybe" covers that it did not happen, too
		return []state{s}
	case op.unknown:
		return []state{s}
	case op.record.Status == 200 && accepted:
		return []state{after}
	case op.record.Status == 409 && !s.holds(id) && !released &&
		(!s.free() || op.nearLock):
		s.maybeReleased = without(s.maybeReleased, id)
		return []state{s}
	}
	return nil
}

func (s state) force(op *operation) []state {
	// What it met, and whether a maintenance is there, are two looks.
	if op.record.Status == 403 && s.shut && (s.free() || op.nearShut) {
		return []state{s}
	}
	if s.free() {
		next := []state{s}
		if op.nearLock { // it may have met one that is given back
			freed := s
			freed.forceCall, freed.forceReturn = op.call, op.ret
			next = append(next, freed)
		}
		if op.unknown || op.record.Status == 200 && (!s.shut || op.nearReopen || len(next) > 1) ||
			op.record.Status == 409 && len(next) > 1 {
			return next
		}
		return nil
	}
	mayRepeat, mayFree := false, true
	if s.forceCall >= 0 {
		// What is known of the time between the two decisions of the server.
		shortest, longest := op.call-s.forceReturn, op.ret-s.forceCall
		mayRepeat = shortest <= int64(forceRepeat+forceSlack)
		mayFree = longest >= int64(forceRepeat-forceSlack)
	}
	var next []state
	refused := op.record.Status == 409 && (op.holder == 0 || s.shows(op.holder))
	if op.unknown || refused && mayRepeat {
		next = append(next, s)
	}
	if mayFree && (op.unknown || op.record.Status == 200) {
		freed := s.freedAll(op)
		freed.forceCall, freed.forceReturn = op.call, op.ret
		if s.forceCall >= 0 { // it is no repeat of that one, so it came later
			freed.forceCall = max(op.call, s.forceCall+int64(forceRepeat-forceSlack))
		}
		next = append(next, freed)
	}
	return next
}

func (s state) post(op *operation) []state {
	written := s
	written.sha, written.lineage, written.serial = op.sha, op.lineage, op.record.Serial
	holds := op.id == s.holder && s.plans == "" // no ID is the holder of an unlocked state
	if op.id == 0 && s.shut {
		holds = false
	}
	written.late = s.late.write(holds, s.holder != 0, op)
	follows := s.sha == 0 || op.sha == s.sha ||
		op.lineage == s.lineage && op.record.Serial > s.serial
	accepted := follows && (holds || s.late.arrives(op))
	switch {
	case op.unknown && accepted:
		return []state{s, written}
	case op.unknown:
		return []state{s}
	case op.record.Status == 200 && accepted:
		return []state{written}
	case op.record.Status == 409 && (!holds || !follows || s.late.overtaken(op) ||
		op.id == 0 && op.nearLock): // a plan's, which is given back
		return []state{s}
	}
	return nil
}

// tooLate is true when the unknown operation can have no effect any more, whatever follows.
func (s state) tooLate(op *operation) bool {
	switch op.record.Kind {
	case Lock, Plan, Unlock:
		return has(s.released, op.id)
	case Post:
		behind := op.lineage != s.lineage || op.record.Serial <= s.serial
		return has(s.released, op.id) && !s.late.arrives(op) || s.sha != 0 && behind
	}
	return false
}
