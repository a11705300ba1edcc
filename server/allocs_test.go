package server

import "testing"

// recorded is how many pieces of memory a query of each façade takes, from its
// request to its answer, the connection left out: when it was asked before and
// nothing has changed, and when it is worked out anew. Time depends on the machine
// and on what else it does; these do not. Who makes them fewer writes that here;
// who needs more says why where the figure is changed.
func recorded() map[string]cost {
	return map[string]cost{
		"meeting":    {12, 115},
		"koodrive":   {11, 36},
		"zstack":     {15, 40},
		"cloudrtc":   {18, 138},
		"metastudio": {18, 105},
	}
}

// chargeOverHTTP is how many a charge takes beyond those of the ledger.
const chargeOverHTTP = 18

func TestAChargeOverHTTPTakesNoMoreMemoryThanRecorded(t *testing.T) {
	t.Setenv("USANCE_TEST_STORE", "embedded")
	c := newCharged(t)
	over, direct := testing.AllocsPerRun(500, c.overHTTP), testing.AllocsPerRun(500, c.direct)
	if over-direct > chargeOverHTTP+2 { // the engine takes some now and then
		t.Errorf("%v allocations, %v of them the ledger's; recorded are %d more", over, direct, chargeOverHTTP)
	}
}

type cost struct{ again, anew float64 }

func TestAFacadesQueryTakesNoMoreMemoryThanRecorded(t *testing.T) {
	t.Setenv("USANCE_TEST_STORE", "embedded") // its figures are those of the embedded engine
	keeps := newCompany(t, 3, nil)
	anew := newCompany(t, 3, func(cfg *Config) { cfg.Store = plain{cfg.Store} })
	for i, q := range keeps.questions {
		want := recorded()[q.name]
		if got := testing.AllocsPerRun(1000, func() { keeps.serve(q) }); got > want.again+1 { // the race detector has one of its own
			t.Errorf("%s, asked again: %v allocations, recorded are %v", q.name, got, want.again)
		}
		// The engine keeps memory that the collector may take at any time.
		if got := testing.AllocsPerRun(300, func() { anew.serve(anew.questions[i]) }); got > want.anew*1.1 {
			t.Errorf("%s, worked out anew: %v allocations, recorded are %v", q.name, got, want.anew)
		}
	}
}
