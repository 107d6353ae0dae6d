// Plain links and the History API: each view has an address, the back button works.

import { useEffect, useState } from 'preact/hooks'

const base = '/app/'

function here(): string {
  return location.pathname.startsWith(base) ? location.pathname.slice(base.length) : ''
}

export function href(path: string): string {
  return base + path
}

export function go(path: string): void {
  history.pushState(null, '', href(path))
  dispatchEvent(new PopStateEvent('popstate'))
}

/** The path below /app/, and links that stay inside the page. */
export function useRoute(): string {
  const [path, setPath] = useState(here())
  useEffect(() => {
    const moved = (): void => setPath(here())
    const clicked = (event: MouseEvent): void => {
      const link = event.target instanceof Element ? event.target.closest('a') : null
      const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey
      if (!link || !plain || !link.pathname.startsWith(base) || link.origin !== location.origin) return
      if (link.hash) return
      event.preventDefault()
      if (link.pathname !== location.pathname) go(link.pathname.slice(base.length))
    }
    addEventListener('popstate', moved)
    document.addEventListener('click', clicked)
    return () => {
      removeEventListener('popstate', moved)
      document.removeEventListener('click', clicked)
    }
  }, [])
  return path
}
