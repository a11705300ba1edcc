package ledger

// BoundMoves lowers the bounds of moves, so that a test need not reach the real
// ones.
func (l *Ledger) BoundMoves(rows, scan int) { l.moveRows, l.moveScan = rows, scan }

// BoundResources lowers the bounds of asking for the resources of a subtree.
func (l *Ledger) BoundResources(scan, count int) { l.resourceScan, l.resourceCount = scan, count }

// ChargeTheLongWay has every charge go the long way.
func (l *Ledger) ChargeTheLongWay() { l.long = true }

var AppendChargeData = appendChargeData
