package main

import "strings"

// late is what the contract says of writes where lock and storage are two services: a write looks
// at its lock and then appends, and in between the lock may be released and the next one taken. It
// lands if the head is still the one that it compared. (docs/lock.md, "What a service forgets")
type late struct {
	may bool // false where a write cannot outlive its lock: then all else is zero
	// Who passed for the holder, and until when at most: entries of an ID (0: whoever has no lock)
	// and a time, in the order of IDs.
	left   string
	forced bool  // a writer was released by force: the next grant takes a number away
	mixed  bool  // a late write landed under the holder, whose own writes may be refused now
	wrote  int64 // when the last write landed, at the latest: one that compared before is refused
}

const entrySize = 2 + 8

func entry(id int, until int64) string {
	bytes := []byte{byte(id >> 8), byte(id)}
	for shift := 56; shift >= 0; shift -= 8 {
		bytes = append(bytes, byte(uint64(until)>>shift))
	}
	return string(bytes)
}

// each tells the entries; keep says which stay.
func (l late) each(keep func(id int, until int64) bool) string {
	var kept strings.Builder
	for at := 0; at < len(l.left); at += entrySize {
		e := l.left[at : at+entrySize]
		until := uint64(0)
		for i := 2; i < entrySize; i++ {
			until = until<<8 | uint64(e[i])
		}
		if keep(int(e[0])<<8|int(e[1]), int64(until)) {
			kept.WriteString(e)
		}
	}
	return kept.String()
}

// leave notes that op ends the time in which this ID passed for the holder.
func (l late) leave(id int, op *operation) late {
	if !l.may {
		return l
	}
	smaller := l.each(func(other int, _ int64) bool { return other < id })
	larger := l.each(func(other int, _ int64) bool { return other > id })
	l.left = smaller + entry(id, op.ret) + larger
	return l
}

// grant is what is left when op takes a lock.
func (l late) grant(free bool, op *operation) late {
	l.mixed = false
	if free {
		l = l.leave(0, op)
	}
	if !op.unknown {
		l = l.complete()
	}
	return l
}

// complete is what is left when a LOCK is answered 200: after a forced release a number was taken
// away by then, and nothing lands that compared before.
func (l late) complete() late {
	if l.forced {
		l.left, l.forced = "", false
	}
	return l
}

// arrives is true when op may have looked at its lock while it passed for the holder.
func (l late) arrives(op *operation) bool {
	found := false
	l.each(func(id int, until int64) bool {
		found = found || id == op.id && until >= op.call
		return false
	})
	return found
}

func (l late) write(holds, held bool, op *operation) late {
	if l.may {
		l.wrote = op.ret
		l.mixed = l.mixed || held && !holds
	}
	return l
}

func (l late) overtaken(op *operation) bool { return l.mixed || l.may && l.wrote >= op.call }

// tidy forgets what no write can need: all that are still to be explained were sent after `since`,
// but for the pending ones.
func (l late) tidy(since int64, pending func(id int, until int64) bool) late {
	if !l.may {
		return l
	}
	if l.wrote < since {
		l.wrote = 0
	}
	if l.left != "" {
		l.left = l.each(func(id int, until int64) bool { return until >= since || pending(id, until) })
	}
	return l
}

// covers is true when l allows whatever other does.
func (l late) covers(other late) bool {
	all := true
	other.each(func(id int, until int64) bool {
		all = all && l.arrives(&operation{id: id, call: until})
		return false
	})
	return all && l.wrote >= other.wrote && (l.mixed || !other.mixed) && l.forced == other.forced
}
