<?php

/**
 * The saved and the entered values, side by side.
 *
 * @var Station\View $this
 * @var Station\Form $form
 * @var string $page
 */

declare(strict_types=1);

use Station\Form;

$inputs = Form::inputs($form->schema);
?>
<div class="notice conflict" role="alert">
  <p><strong><?= $this->say('conflict') ?></strong> <?= $this->say('conflict reason') ?></p>
  <table>
    <thead>
      <tr>
        <td></td>
        <th scope="col"><?= $this->say('theirs') ?></th>
        <th scope="col"><?= $this->say('yours') ?></th>
      </tr>
    </thead>
    <tbody>
<?php foreach ($form->differences() as $input => [$theirs, $yours]) : ?>
    <?php
    [$field, $index] = $inputs[$input];
    $label = $this->texts->of($field->label) . ($index === null ? '' : ' ' . $index + 1);
    ?>
    <tr data-differs="<?= $input ?>">
      <th scope="row"><?= $this->e($label) ?></th>
      <td><?= $this->shown($field, $theirs) ?></td>
      <td><?= $this->shown($field, $yours) ?></td>
    </tr>
<?php endforeach ?>
    </tbody>
  </table>
  <p><?= $this->say('conflict choice') ?>
    <a href="/<?= $page ?>"><?= $this->say('keep theirs') ?></a></p>
</div>
