// A small line without axes, for a sensor's card.
export function spark(canvas, times, values) {
  const scale = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth * scale, canvas.clientHeight * scale];
  if (!width) return;
  [canvas.width, canvas.height] = [width, height];
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const [first, last] = [times[0], times[times.length - 1]];
  const x = (time) => ((time - first) / (last - first || 1)) * (width - 2 * scale) + scale;
  const y = (value) => height - 3 * scale - ((value - low) / (high - low || 1)) * (height - 6 * scale);
  const pen = canvas.getContext("2d");
  pen.strokeStyle = getComputedStyle(canvas).getPropertyValue("--accent");
  pen.lineWidth = 1.6 * scale;
  pen.lineJoin = "round";
  pen.beginPath();
  let down = false;
  times.forEach((time, index) => {
    const value = values[index];
    if (value !== null) (down ? pen.lineTo(x(time), y(value)) : pen.moveTo(x(time), y(value)));
    down = value !== null;
  });
  pen.stroke();
}
