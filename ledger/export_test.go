package ledger

// BoundMoves lowers the bounds of moves, so that a test need not reach the real
// ones.
func (l *Ledger) BoundMoves(rows, scan int) { l.moveRows, l.moveScan = rows, scan }
