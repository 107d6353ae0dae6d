// The texts of a page whose contrast with what is painted behind them is below WCAG 2.2 level AA (1.4.3).
(() => {
  const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const rgba = (colour) => {
    paint.clearRect(0, 0, 1, 1)
    paint.fillStyle = colour
    paint.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = paint.getImageData(0, 0, 1, 1).data
    return [r, g, b, a / 255]
  }
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]))
  const light = (colour) =>
    [0.2126, 0.7152, 0.0722].reduce((sum, part, i) => {
      const value = colour[i] / 255
      return sum + part * (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    }, 0)
  const behind = (one) => {
    const layers = []
    for (let at = one; at; at = at.parentElement) layers.unshift(rgba(getComputedStyle(at).backgroundColor))
    return layers.reduce((below, layer) => over(layer, below), [255, 255, 255])
  }
  const faults = []
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const one = node.parentElement
    const style = getComputedStyle(one)
    if (!node.data.trim() || !one.checkVisibility() || one.closest('.spoken, .skip, :disabled')) continue
    const below = behind(one)
    const tones = [light(over(rgba(style.color), below)), light(below)].sort((a, b) => b - a)
    const ratio = (tones[0] + 0.05) / (tones[1] + 0.05)
    const size = parseFloat(style.fontSize)
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
    if (ratio < (large ? 3 : 4.5)) faults.push(`${ratio.toFixed(2)} ${style.color} ${node.data.trim().slice(0, 40)}`)
  }
  return faults
})()
