package gateway

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usance/usance/internal/facadetest"
)

func TestLimitsAreWrittenAsTheVendorDoes(t *testing.T) {
	for limit, want := range map[Limit]string{
		{100, time.Minute}: "limit:100,time:1 minute", {10, time.Second}: "limit:10,time:1 second",
		{5, 90 * time.Second}: "limit:5,time:90 second", {1, 2 * time.Hour}: "limit:1,time:2 hour", {1, 24 * time.Hour}: "limit:1,time:1 day",
	} {
		if limit.String() != want {
			t.Errorf("%v, want %s", limit, want)
		}
	}
}

func TestThrottleCountsEachPrincipalInEachWindow(t *testing.T) {
	c := newClock()
	th := NewThrottle(ThrottleConfig{Limit: Limit{2, time.Minute}, Now: c.Now})
	for i, want := range []string{"remain:1,limit:2,time:1 minute", "remain:0,limit:2,time:1 minute", "remain:0,limit:2,time:1 minute"} {
		w := httptest.NewRecorder()
		f := th.Admit(w, "alice")
		if got := facadetest.Told(w, HeaderRatelimitAPI); got != want {
			t.Errorf("request %d: header %q", i+1, got)
		}
		if (f != nil) != (i == 2) {
			t.Fatalf("request %d: %v", i+1, f)
		}
		if f != nil && (f.Status != 429 || f.Code != "APIGW.0308" || f.RetryAfter != 57*time.Second ||
			f.Message != "The throttling threshold has been reached: policy user over ratelimit,limit:2,time:1 minute") {
			t.Errorf("%+v", f)
		}
	}
	if !th.Take("bob").Allowed {
		t.Error("bob pays for alice")
	}
	c.Move(57*time.Second - 1)
	if th.Take("alice").Allowed {
		t.Error("the window ended early")
	}
	c.Move(1)
	if d := th.Take("alice"); !d.Allowed || d.Remain != 1 || d.Reset != time.Minute {
		t.Errorf("in the next window: %+v", d)
	}
}

func TestThrottleNeverAdmitsMoreThanTheLimitInAWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		limit := Limit{rapid.IntRange(1, 5).Draw(t, "requests"), time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second}
		th := NewThrottle(ThrottleConfig{Limit: limit, Now: c.Now})
		admitted := map[string]int{}
		for range 100 {
			c.Move(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "ms")) * time.Millisecond)
			who := rapid.SampledFrom([]string{"a", "b", strings.Repeat("long", 100), strings.Repeat("long", 100) + "er"}).Draw(t, "who")
			key := who + "@" + strconv.FormatInt(c.Now().UnixNano()/int64(limit.Per), 10)
			allowed := th.Take(who).Allowed
			if allowed != (admitted[key] < limit.Requests) {
				t.Fatalf("%s after %d of %v: allowed %v", key, admitted[key], limit, allowed)
			}
			if allowed {
				admitted[key]++
			}
		}
	})
}

func TestThrottleForgetsRatherThanGrows(t *testing.T) {
	th := NewThrottle(ThrottleConfig{Limit: Limit{1, time.Minute}, Now: newClock().Now, Capacity: 10})
	for i := range 1000 {
		if !th.Take(strconv.Itoa(i)).Allowed {
			t.Fatalf("principal %d is refused its first request", i)
		}
		if len(th.counts) > 10 {
			t.Fatalf("%d remembered", len(th.counts))
		}
	}
}

func TestThrottleIsExactUnderConcurrency(t *testing.T) {
	th := NewThrottle(ThrottleConfig{Limit: Limit{50, time.Minute}, Now: newClock().Now})
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if th.Take("p").Allowed {
					admitted.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if admitted.Load() != 50 {
		t.Fatalf("%d admitted", admitted.Load())
	}
}

func TestNoLimitAdmitsEverybodyAndSaysNothing(t *testing.T) {
	th := NewThrottle(ThrottleConfig{Now: newClock().Now})
	w := httptest.NewRecorder()
	if f := th.Admit(w, "p"); f != nil || len(w.Header()) != 0 {
		t.Fatalf("%v %v", f, w.Header())
	}
}
