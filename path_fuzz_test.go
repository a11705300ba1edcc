package usance_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/usance/usance"
)

// A place below the root: segments without control characters and backslashes.
var placeForm = regexp.MustCompile(`^(/[^/\\\x{0}-\x{1f}\x{7f}-\x{9f}]+){1,16}$`)

// FuzzAPathThatIsTakenIsAPlaceInTheTree compares the check of node paths with a grammar,
// and walks from a path that is taken to the root and back.
func FuzzAPathThatIsTakenIsAPlaceInTheTree(f *testing.F) {
	for _, s := range []string{"/", "/a", "/drive/dept/rd", "", "a", "//", "/a/", "/a//b", "/a/../b", "/.", "/...", "/a\\b", "/\u0085", "/\xff", "/é/😀", strings.Repeat("/a", 16), strings.Repeat("/a", 17),
		"/" + strings.Repeat("x", 128), "/" + strings.Repeat("x", 129), strings.Repeat("/"+strings.Repeat("x", 127), 4), strings.Repeat("/"+strings.Repeat("x", 127), 4) + "/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := usance.Path(text)
		want := text == "/" || utf8.ValidString(text) && len(text) <= usance.MaxPathBytes && placeForm.MatchString(text)
		for segment := range strings.SplitSeq(text, "/") {
			want = want && segment != "." && segment != ".." && len(segment) <= usance.MaxSegmentBytes
		}
		if err := p.Check(); (err == nil) != want || err != nil && usance.KindOf(err) != usance.KindInvalid {
			t.Fatalf("%q: %v", text, err)
		}
		if !want {
			return
		}
		line := p.Lineage()
		if line[len(line)-1] != usance.Root || p != usance.Root && len(line) != strings.Count(text, "/")+1 {
			t.Fatalf("%q has the lineage %q", text, line)
		}
		for i, above := range line[1:] {
			child, below := p.ChildOf(above)
			if above.Check() != nil || !p.Within(above) || above.Within(line[i]) || line[i].Parent() != above || !below || child != line[i] {
				t.Fatalf("%q: %q is above %q, and the child on the way is %q", text, above, line[i], child)
			}
		}
		if p != usance.Root {
			if moved := p.Rebase(line[len(line)-2], "/moved/to"); moved != "/moved/to"+p[len(line[len(line)-2]):] || moved.Within(line[len(line)-2]) && line[len(line)-2] != "/moved" {
				t.Fatalf("%q goes to %q", text, moved)
			}
		}
	})
}
