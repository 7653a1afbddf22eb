// How many coloured points the chart has 10 and 8 hours ago: in a gap, and beside it.
() => {
  const canvas = document.querySelector("#chart canvas");
  const {left, top, width, height} = document.querySelector(".u-over").getBoundingClientRect();
  const at = canvas.getBoundingClientRect();
  const pen = canvas.getContext("2d");
  return [10, 8].map((hours) => {
    const x = Math.round(left - at.left + width * (1 - hours / 24));
    const data = pen.getImageData(x - 4, top - at.top, 9, height - 2).data;
    let coloured = 0;
    for (let i = 0; i < data.length; i += 4) coloured += data[i + 2] - data[i] > 60 ? 1 : 0;
    return coloured;
  });
}
