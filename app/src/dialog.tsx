// A sheet from below on a phone, from the side on a desk. The platform's dialog traps and returns focus and hears Escape.

import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { SectionIcon } from './icons'
import { say } from './strings'

export function Sheet({ title, close, children }: { title: string; close: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const from = document.activeElement
    dialog.current?.showModal()
    document.documentElement.classList.add('still')
    return () => {
      document.documentElement.classList.remove('still')
      if (from instanceof HTMLElement && from.isConnected) from.focus()
    }
  }, [])
  const outside = (event: MouseEvent): void => {
    if (event.target === dialog.current) dialog.current?.close()
  }
  return (
    <dialog class="sheet" ref={dialog} aria-labelledby="sheet-title" onClose={close} onClick={outside}>
      <div class="sheet-body">
        <header class="sheet-head">
          <h2 id="sheet-title">{title}</h2>
          <button type="button" class="round" aria-label={say.close} onClick={() => dialog.current?.close()}>
            <SectionIcon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  )
}
