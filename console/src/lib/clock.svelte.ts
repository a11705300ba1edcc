/** The time, moved on twice a minute: what is relative to now stays true. */
class Clock {
  now = $state(Date.now())
  constructor() {
    if (typeof window !== 'undefined') setInterval(() => (this.now = Date.now()), 30_000)
  }
}
export const clock = new Clock()
