// One value that several components watch.

import { useEffect, useState } from 'preact/hooks'

export class Shared<T> {
  private readonly watchers = new Set<(value: T) => void>()

  constructor(private current: T) {}

  set(value: T): void {
    this.current = value
    for (const watcher of this.watchers) watcher(value)
  }

  use(): T {
    const [value, setValue] = useState(this.current)
    useEffect(() => {
      this.watchers.add(setValue)
      return () => void this.watchers.delete(setValue)
    }, [])
    return value
  }
}
