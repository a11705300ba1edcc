package ledger

import (
	"encoding/binary"
	"strings"

	"github.com/usance/usance"
)

// Row ids are tuples of texts whose order as bytes is the order of the tuples:
// each text is followed by 00 01, and a 00 inside it is written 00 FF. So no text
// can run into its neighbour, whatever bytes it holds, and the rows below a
// prefix of the tuple are one range.

func appendText(b []byte, s string) []byte {
	for {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			break
		}
		b = append(append(b, s[:i]...), 0x00, 0xFF)
		s = s[i+1:]
	}
	return append(append(b, s...), 0x00, 0x01)
}

// cutText is the inverse of appendText; ok is false for bytes it did not write.
func cutText(id string) (text, rest string, ok bool) {
	if i := strings.IndexByte(id, 0); i >= 0 && i+1 < len(id) && id[i+1] == 0x01 { // as nearly all are
		return id[:i], id[i+2:], true
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(id, 0)
		if i < 0 || i+1 >= len(id) {
			return "", "", false
		}
		b.WriteString(id[:i])
		mark := id[i+1]
		id = id[i+2:]
		switch mark {
		case 0x01:
			return b.String(), id, true
		case 0xFF:
			b.WriteByte(0)
		default:
			return "", "", false
		}
	}
}

// usualID is room for most ids; being constant, it lies on the stack.
const usualID = 160

// series is what a line of rollups belongs to: a meter at a node, at and below,
// for one combination of group values, or "" for all of them together.
type series struct {
	meter string
	node  usance.Path
	group string // groupText
}

// groupText packs the values of the group-by keys. It is never "".
func groupText(values []string) string { return string(appendGroup(make([]byte, 0, 64), values)) }

func appendGroup(b []byte, values []string) []byte {
	b = append(b, 'g')
	for _, v := range values {
		b = appendText(b, v)
	}
	return b
}

func groupValues(text string) []string {
	if text == "" {
		return nil
	}
	var values []string
	for rest := text[1:]; rest != ""; {
		v, after, ok := cutText(rest)
		if !ok {
			return nil
		}
		values, rest = append(values, v), after
	}
	return values
}

// id is the series' row of totals, and the prefix of its rollups and members.
func (s series) id() string {
	b := appendText(make([]byte, 0, usualID), s.meter)
	b = appendText(b, string(s.node))
	return string(appendText(b, s.group))
}

// groupsPrefix is the prefix of the ids of a meter's series at a node.
func groupsPrefix(meter string, node usance.Path) string {
	return string(appendText(appendText(make([]byte, 0, usualID), meter), string(node)))
}

// Days are written with their sign bit flipped, so that they sort as numbers.
func dayText(d usance.Day) string {
	return string(appendDay(make([]byte, 0, 4), d))
}

func appendDay(b []byte, d usance.Day) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(d)^1<<31)
}

func cutDay(id string) (usance.Day, string, bool) {
	if len(id) < 4 {
		return 0, "", false
	}
	return usance.Day(binary.BigEndian.Uint32([]byte(id[:4])) ^ 1<<31), id[4:], true
}

// after is the least id that is past every id with the prefix.
func after(prefix string) string {
	b := []byte(prefix)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] != 0xFF {
			b[i]++
			return string(b[:i+1])
		}
	}
	return ""
}
